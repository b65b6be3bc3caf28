import { describe, expect, test } from "vitest";
import type { Contender, Standing } from "../../bench/compare/interleave.ts";
import { interleave, medianOf, ratioOf } from "../../bench/compare/interleave.ts";

const round = (perSecond: number) => ({ perSecond, p50Ms: 1, p99Ms: 2, clientCores: 0.5 });

function contender(name: string, log: string[], failsAt = Number.POSITIVE_INFINITY): Contender {
  let turns = 0;
  return {
    name,
    processIds: () => [process.pid],
    async run() {
      log.push(name);
      turns += 1;
      if (turns >= failsAt) throw new Error(`${name} is gone.`);
      return { operations: 100, elapsedMs: 50, latenciesMs: [3, 1, 2] };
    },
    async abandon() {
      log.push(`${name} abandoned`);
    },
  };
}

describe("interleaved rounds", () => {
  test("give each its turn in each round, and swap the order", async () => {
    const log: string[] = [];
    const options = { rounds: 2, roundMs: 1, warmUpMs: 1, signal: new AbortController().signal };
    const [a, b] = await interleave([contender("a", log), contender("b", log)], options);
    expect(log.join(" ")).toBe("b a a b b a");
    expect([a?.rounds.length, b?.rounds.length]).toEqual([2, 2]);
    expect(a?.rounds[0]).toMatchObject({ perSecond: 2000, p50Ms: 2, p99Ms: 2.98 });
  });

  test("go on without one that fails, and keep its reason and its rounds", async () => {
    const log: string[] = [];
    const options = { rounds: 3, roundMs: 1, warmUpMs: 0, signal: new AbortController().signal };
    const [a, b] = await interleave([contender("a", log, 2), contender("b", log)], options);
    expect(a).toMatchObject({ name: "a", failure: "a is gone." });
    expect(a?.rounds).toHaveLength(1);
    expect(b?.rounds).toHaveLength(3);
    expect(log.filter((entry) => entry === "a abandoned")).toHaveLength(1);
  });

  test("stop between turns when they are told to", async () => {
    const stopped = new AbortController();
    const log: string[] = [];
    const options = {
      rounds: 9,
      roundMs: 1,
      warmUpMs: 0,
      signal: stopped.signal,
      onTurn: () => stopped.abort(),
    };
    await expect(interleave([contender("a", log)], options)).rejects.toThrow();
    expect(log).toEqual(["a"]);
  });
});

describe("what rounds say", () => {
  const standing = (...perSecond: number[]): Standing => ({ name: "x", rounds: perSecond.map(round) });

  test("is the median, and the median of the ratios within each round", () => {
    expect(medianOf(standing(5, 1, 3).rounds, "perSecond")).toBe(3);
    expect(medianOf([], "perSecond")).toBeUndefined();
    expect(medianOf([round(1)], "cpuUs")).toBeUndefined();
    // Not the ratio of the medians, which is 1.
    expect(ratioOf(standing(10, 20, 30), standing(5, 40, 20), "perSecond")).toBe(1.5);
    expect(ratioOf(standing(1), standing(), "perSecond")).toBeUndefined();
  });
});
