import { describe, expect, test } from "vitest";
import type { Standing } from "../../bench/compare/interleave.ts";
import { describePeers } from "../../bench/compare/peers/describe.ts";
import type { PeersFigures, WorkFigures } from "../../bench/compare/peers/figures.ts";
import { NOT_TO_BE_HAD, SUBJECTS } from "../../bench/compare/peers/subjects.ts";
import { WORKS } from "../../bench/compare/peers/works.ts";

const standing = (name: string, perSecond: number, clientCores = 0.5): Standing => ({
  name,
  rounds: [{ perSecond, cpuUs: 1e6 / perSecond, p50Ms: 1, p99Ms: 2, clientCores }],
});

const publish: WorkFigures = {
  name: "publish-32",
  title: "Publish, 32 writers",
  unit: "events",
  how: "Events.",
  promises: { Everywire: "on disk", Nchan: "in memory", Redis: "on disk" },
  standings: [standing("Everywire", 4000), standing("Nchan", 40_000, 0.95), standing("Redis", 2000)],
};
const figures: PeersFigures = {
  subjects: [
    { name: "Everywire", setup: "as it is" },
    { name: "Mercure", setup: "", missing: "not packaged" },
  ],
  works: [publish],
  durability: [
    { name: "Everywire", what: "publish", promise: "on disk", acknowledged: 200, left: 200 },
    { name: "Redis", what: "publish", promise: "on disk", acknowledged: 200, left: 200 },
    { name: "Nchan", what: "publish", promise: "in memory", acknowledged: 200, left: 0 },
  ],
  idle: [
    { name: "Everywire", kind: "SSE", readers: 500, kibEach: 63.2 },
    { name: "Nchan", kind: "SSE", readers: 500, kibEach: 9.5 },
  ],
};

describe("what the report says of peers", () => {
  test("compares with the first, and where events have to survive with those that did", () => {
    const { findings } = describePeers(figures);
    expect(findings[0]).toContain("Everywire reached 4,000 events/s, with 250 us of server CPU for each");
    expect(findings[0]).toContain("the first, Nchan, reached 10.0 times as many (40,000/s)");
    expect(findings[1]).toContain("was 2.00 times that of Redis.");
    expect(findings[1]).not.toContain("Nchan");
    expect(findings).toContain("After `kill -9` everything acknowledged was there with Everywire and Redis.");
    expect(findings).toContain("After `kill -9` acknowledged events were lost with Nchan.");
    expect(findings.at(-1)).toContain("63.2 KiB of Everywire's memory; the least is 9.50 KiB, of Nchan");
  });

  test("names the promise beside each rate, what is missing, and where the client was at its end", () => {
    const { parts } = describePeers(figures);
    const work = parts.find(({ title }) => title === publish.title);
    expect(work?.tables[0]?.rows[1]?.at(-1)).toBe("in memory");
    expect(work?.paragraphs.join(" ")).toContain("a core or more with Nchan:");
    const glance = parts[1];
    expect(glance?.tables[0]?.rows).toEqual([[publish.title, "events", 4000, 250, "Nchan", 40_000, 25]]);
    expect(work?.charts[0]).toMatchObject({
      name: "peers-publish-32",
      isLowerBetter: false,
      scale: "linear",
    });
    expect(work?.charts[0]?.groups.map(({ label, bars }) => [label, bars[0]?.value])).toEqual([
      ["Everywire", 4000],
      ["Nchan", 40_000],
      ["Redis", 2000],
    ]);
    expect(describePeers(figures).missing).toEqual(["Mercure is not among the peers: not packaged."]);
    expect(parts[0]?.tables[1]?.rows).toEqual([["Mercure", "not packaged"]]);
  });

  test("says nothing of what was not measured", () => {
    const failed: WorkFigures = {
      ...publish,
      standings: [{ name: "Everywire", rounds: [], failure: "It hung up." }],
    };
    const { findings, parts } = describePeers({ subjects: [], works: [failed], durability: [], idle: [] });
    expect(findings).toEqual([]);
    const work = parts.find(({ title }) => title === failed.title);
    expect(parts.flatMap(({ charts }) => charts)).toEqual([]);
    expect(work?.paragraphs).toContain("Everywire has no figure: It hung up.");
    expect(work?.tables[0]?.rows[0]?.slice(1, 5)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

test("names of subjects and works are each there once, since figures are found by them", () => {
  for (const names of [[...SUBJECTS, ...NOT_TO_BE_HAD], WORKS].map((all) => all.map(({ name }) => name))) {
    expect(new Set(names).size).toBe(names.length);
  }
});
