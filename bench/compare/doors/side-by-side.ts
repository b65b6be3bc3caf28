import { setTimeout as delay } from "node:timers/promises";
import type { Latencies } from "../statistics.ts";
import type { Bench } from "./bench.ts";
import { attempt, createChannel, openReaders } from "./bench.ts";
import type { MeasuredDoor } from "./doors.ts";
import type { Measured } from "./figures.ts";

/** Beyond the last publish: a lost packet is sent again after a timer, which doubles. */
const LATE_MS = 8000;
/** What subscriptions leave to be done is done. */
const SETTLE_MS = 100;

/** What one door had of a run beside others. */
export interface Beside {
  readonly latencies: Latencies;
  readonly meanMs: number;
}

/** Doors by name. */
export type BesideByDoor = ReadonlyMap<string, Measured<Beside>>;

/** How doors are run side by side. */
export interface Pace {
  readonly perSecond: number;
  readonly durationMs: number;
}

/**
 * Runs several doors at once on one server, each on a channel of its own, with the publishes in turns: one of each, evenly apart. For
 * rates at which the server is idle most of the time, so that they hardly meet.
 */
export async function runSideBySide(
  bench: Bench,
  doors: readonly MeasuredDoor[],
  pace: Pace,
): Promise<BesideByDoor> {
  const { server, readers, publisher, scale } = bench;
  const results = new Map<string, Measured<Beside>>();
  const open: { readonly name: string; readonly channel: string }[] = [];
  try {
    for (const { name } of doors) {
      const channel = await createChannel(bench);
      const opened = await attempt(bench, () => openReaders(bench, name, channel, 1));
      if ("missing" in opened) results.set(name, opened);
      else open.push({ name, channel });
    }
    await delay(SETTLE_MS);
    if (open.length === 0) return results;
    const { sent } = await publisher.call(server.place, "publishPaced", {
      channels: open.map(({ channel }) => channel),
      ...pace,
      dataBytes: scale.dataBytes,
    });
    const collected = await readers.call(server.place, "collect", { count: sent, timeoutMs: LATE_MS });
    const each = sent / open.length;
    for (const [index, { name }] of open.entries()) {
      const reader = collected.readers[index];
      const meanMs = collected.meanMs[index];
      results.set(
        name,
        reader?.latencies === undefined || meanMs === undefined || reader.received < each
          ? { missing: `Of ${each} events ${reader?.received ?? 0} arrived.` }
          : { latencies: reader.latencies, meanMs },
      );
    }
    return results;
  } finally {
    await readers.call(server.place, "closeReaders", {}).catch(() => undefined);
  }
}
