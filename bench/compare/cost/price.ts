import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Usage } from "./counted-server.ts";

interface UnitPrice {
  /** US dollars for a million, beyond what the paid plan includes. */
  readonly perMillion: number;
  readonly includedPerMonth: number;
  /** What the free plan gives; where it has that unit. */
  readonly freePerDay?: number;
}

/** Cloudflare's price list, as it was on the day that the file says. */
export interface Prices {
  readonly readOn: string;
  readonly pages: readonly string[];
  readonly workerRequests: UnitPrice;
  readonly workerCpuMs: UnitPrice;
  readonly objectRequests: UnitPrice;
  readonly objectGbSeconds: UnitPrice;
  readonly rowsRead: UnitPrice;
  readonly rowsWritten: UnitPrice;
  /** WebSocket messages that come in, for one request. Those that go out are free. */
  readonly incomingMessagesPerRequest: number;
  /** What an object is billed with, whatever it uses. */
  readonly objectGb: number;
  readonly paidPlanPerMonth: number;
}

export const PRICES = JSON.parse(readFileSync(join(import.meta.dirname, "prices.json"), "utf8")) as Prices;

/** What a million of something costs, by what it is for, in US dollars; beyond what a plan includes. */
export interface Cost {
  readonly workerRequests: number;
  readonly workerCpu: number;
  readonly objectRequests: number;
  readonly objectDuration: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly total: number;
}

/** Prices a million times what one of `count` used. */
export function toCostPerMillion(usage: Usage, count: number, prices: Prices = PRICES): Cost {
  const each = (used: number, { perMillion }: UnitPrice) => (used / count) * perMillion;
  const requests = usage.objectRequests + usage.objectMessages / prices.incomingMessagesPerRequest;
  const parts = {
    workerRequests: each(usage.workerRequests, prices.workerRequests),
    workerCpu: each(usage.cpuMs ?? 0, prices.workerCpuMs),
    objectRequests: each(requests, prices.objectRequests),
    objectDuration: each((usage.objectBusyMs / 1000) * prices.objectGb, prices.objectGbSeconds),
    rowsRead: each(usage.rowsRead, prices.rowsRead),
    rowsWritten: each(usage.rowsWritten, prices.rowsWritten),
  };
  return { ...parts, total: Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

/** The part of a run that is not the other's. Noise may make a part of it negative: it is nothing then. */
export function subtract(usage: Usage, base: Usage): Usage {
  const less = (name: Exclude<keyof Usage, "cpuMs">) => Math.max(0, usage[name] - base[name]);
  return {
    workerRequests: less("workerRequests"),
    cpuMs:
      usage.cpuMs === undefined || base.cpuMs === undefined
        ? undefined
        : Math.max(0, usage.cpuMs - base.cpuMs),
    objectRequests: less("objectRequests"),
    objectMessages: less("objectMessages"),
    objectBusyMs: less("objectBusyMs"),
    rowsRead: less("rowsRead"),
    rowsWritten: less("rowsWritten"),
  };
}

/** How many a day the free plan takes: what runs out first decides. */
export function toFreePerDay(usage: Usage, count: number, prices: Prices = PRICES): number {
  const used: readonly (readonly [number, UnitPrice])[] = [
    [usage.workerRequests, prices.workerRequests],
    [usage.objectRequests + usage.objectMessages / prices.incomingMessagesPerRequest, prices.objectRequests],
    [(usage.objectBusyMs / 1000) * prices.objectGb, prices.objectGbSeconds],
    [usage.rowsRead, prices.rowsRead],
    [usage.rowsWritten, prices.rowsWritten],
  ];
  const days = used.flatMap(([amount, { freePerDay }]) =>
    amount === 0 || freePerDay === undefined ? [] : [(freePerDay * count) / amount],
  );
  return Math.floor(Math.min(...days));
}
