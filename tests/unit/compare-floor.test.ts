import { expect, test } from "vitest";
import { describeFloor } from "../../bench/compare/floor/describe.ts";
import type { DoorFigures } from "../../bench/compare/floor/figures.ts";

function door(name: string, isUnderLoad: boolean, ours: number, floor: number): DoorFigures {
  const rounds = (cpuUs: number) => [{ perSecond: 1e6 / cpuUs, cpuUs, p50Ms: 1, p99Ms: 2, clientCores: 0.5 }];
  return {
    name,
    title: name,
    label: name,
    unit: "events",
    how: "As told.",
    isUnderLoad,
    ours: { name: "Everywire", rounds: rounds(ours) },
    floor: { name: "floor", rounds: rounds(floor) },
  };
}

test("says which doors are near the floor, and what is reached under load", () => {
  const { findings, parts } = describeFloor({
    doors: [
      door("read", false, 120, 100),
      door("sse", false, 400, 100),
      { ...door("publish-32", true, 50, 150), syncs: { ours: 0.1, floor: 1 } },
    ],
  });
  expect(findings).toEqual([
    "Of 2 kinds of work whose operations stand by themselves, 1 take at most 1.3 times the CPU of a bare runtime: read (1.20 times). The most is sse, with 4.00 times the floor's CPU.",
    "**publish-32**: Everywire reached 20,000 events/s where the floor reached 6,670: 3.00 times as many, at 0.33 times its CPU for each.",
  ]);
  expect(parts[0]?.tables[0]?.rows).toHaveLength(3);
  expect(parts[0]?.tables[1]?.rows).toEqual([["publish-32", 0.1, 1]]);
  expect(parts[0]?.charts[0]?.groups.map(({ bars }) => bars[0]?.value)).toEqual([1.2, 4, 1 / 3]);
});

test("tells what failed, and makes no sentence of it", () => {
  const failed: DoorFigures = {
    ...door("tcp", true, 1, 1),
    floor: { name: "floor", rounds: [], failure: "Nobody listens." },
  };
  const { findings, parts } = describeFloor({ doors: [failed] });
  expect(findings).toEqual([]);
  expect(parts[0]?.paragraphs).toContain("tcp, floor: Nobody listens.");
  expect(parts[0]?.charts).toEqual([]);
});
