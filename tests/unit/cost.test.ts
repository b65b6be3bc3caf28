import { describe, expect, it } from "vitest";
import type { Usage } from "../../bench/compare/cost/counted-server.ts";
import { toBusyMs } from "../../bench/compare/cost/counted-server.ts";
import { describeCost } from "../../bench/compare/cost/describe.ts";
import type { Prices } from "../../bench/compare/cost/price.ts";
import { PRICES, subtract, toCostPerMillion, toFreePerDay } from "../../bench/compare/cost/price.ts";

const NOTHING: Usage = {
  workerRequests: 0,
  cpuMs: 0,
  objectRequests: 0,
  objectMessages: 0,
  objectBusyMs: 0,
  rowsRead: 0,
  rowsWritten: 0,
};

describe("the time that objects are busy", () => {
  it("counts once what is under way at once, and each object for itself", () => {
    const spans = [
      { object: "a", fromMs: 0, toMs: 10 },
      { object: "a", fromMs: 5, toMs: 12 },
      { object: "a", fromMs: 6, toMs: 8 },
      { object: "a", fromMs: 20, toMs: 21 },
      { object: "b", fromMs: 0, toMs: 10 },
    ];
    expect(toBusyMs(spans)).toBe(12 + 1 + 10);
  });

  it("is nothing where nothing happened", () => {
    expect(toBusyMs([])).toBe(0);
  });
});

describe("the price of a million", () => {
  const prices: Prices = {
    ...PRICES,
    workerRequests: { perMillion: 2, includedPerMonth: 0, freePerDay: 100 },
    workerCpuMs: { perMillion: 3, includedPerMonth: 0 },
    objectRequests: { perMillion: 5, includedPerMonth: 0, freePerDay: 30 },
    objectGbSeconds: { perMillion: 7, includedPerMonth: 0, freePerDay: 1000 },
    rowsRead: { perMillion: 11, includedPerMonth: 0, freePerDay: 1000 },
    rowsWritten: { perMillion: 13, includedPerMonth: 0, freePerDay: 1000 },
    incomingMessagesPerRequest: 20,
    objectGb: 0.5,
  };
  const usage: Usage = {
    workerRequests: 10,
    cpuMs: 20,
    objectRequests: 10,
    objectMessages: 200,
    objectBusyMs: 4000,
    rowsRead: 30,
    rowsWritten: 10,
  };

  it("is each unit's, with twenty messages for a request", () => {
    const cost = Object.entries(toCostPerMillion(usage, 10, prices));
    expect(cost.map(([part, dollars]) => [part, Number(dollars.toFixed(6))])).toEqual([
      ["workerRequests", 2],
      ["workerCpu", 6],
      ["objectRequests", 10],
      ["objectDuration", 1.4],
      ["rowsRead", 33],
      ["rowsWritten", 13],
      ["total", 65.4],
    ]);
  });

  it("is on the free plan bounded by what runs out first", () => {
    // Two requests of an object for each, and 30 a day.
    expect(toFreePerDay(usage, 10, prices)).toBe(15);
  });

  it("takes off what the publishes used, and never below nothing", () => {
    expect(subtract({ ...NOTHING, rowsRead: 5 }, { ...NOTHING, rowsRead: 2, rowsWritten: 3 })).toEqual({
      ...NOTHING,
      rowsRead: 3,
    });
  });

  it("is of a price list with a date and a source", () => {
    expect(PRICES.readOn).toMatch(/^\d{4}-\d\d-\d\d$/);
    for (const page of PRICES.pages) expect(page).toMatch(/^https:\/\/developers\.cloudflare\.com\//);
  });
});

describe("what is said of the cost", () => {
  const { findings, missing, parts } = describeCost({
    perSecond: 20,
    base: NOTHING,
    baseEvents: 10,
    publishing: [
      { name: "A", events: 10, usage: { ...NOTHING, rowsWritten: 10 } },
      { name: "B", events: 10, usage: { ...NOTHING, rowsWritten: 30 } },
      { name: "C", events: 10, failure: "it was refused" },
    ],
    reading: [
      {
        name: "D",
        byOne: { name: "D", events: 10, usage: NOTHING },
        byMany: { name: "D", events: 10, usage: { ...NOTHING, workerRequests: 1000 }, subscribers: 100 },
      },
    ],
  });

  it("names the cheapest and the dearest", () => {
    expect(findings[0]).toContain("from $1.00 (A) to $3.00 (B)");
    expect(findings.at(-1)).toContain("over D it costs $30.00, of which $0.00");
  });

  it("says what could not be counted, and leaves it out of the tables", () => {
    expect(missing).toContain("The cost of publishing over C: it was refused.");
    expect(parts[0]?.tables[0]?.rows.map(([name]) => name)).toEqual(["A", "B"]);
  });
});
