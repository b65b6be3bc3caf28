import { describe, expect, test } from "vitest";
import type { Lab } from "../../bench/compare/chapter.ts";
import { describeFloor } from "../../bench/compare/floor/describe.ts";
import { measureFloor } from "../../bench/compare/floor/measure.ts";
import { describePeers } from "../../bench/compare/peers/describe.ts";
import { MQTT_TRIAL } from "../../bench/compare/peers/figures.ts";
import { measurePeers } from "../../bench/compare/peers/measure.ts";
import { whyNoMosquitto } from "./mosquitto.ts";

const quick = (onProgress: (done: number) => void = () => undefined): Lab => ({
  isQuick: true,
  signal: AbortSignal.timeout(60_000),
  progress: onProgress,
});

describe("the comparison", () => {
  test("measures peers on the same works, leaves out who is not there, and shows what survives kill -9", async () => {
    const done: number[] = [];
    const figures = await measurePeers(
      quick((part) => done.push(part)),
      { works: ["read", "mqtt-qos1-tcp"], subjects: ["Everywire", "node:http", "Mosquitto"] },
    );
    const [read, mqtt] = figures.works;
    expect(read?.standings.map(({ name, rounds, failure }) => [name, rounds.length, failure])).toEqual([
      ["Everywire", 1, undefined],
      ["node:http", 1, undefined],
    ]);
    for (const { rounds } of read?.standings ?? []) expect(rounds[0]?.perSecond).toBeGreaterThan(0);
    const survived = figures.durability.map(({ name, what, left }) => [name, what, left]);
    expect(survived).toContainEqual(["Everywire", "publish", 200]);
    expect(survived).toContainEqual(["Everywire", MQTT_TRIAL, 200]);
    if (whyNoMosquitto() === undefined) {
      expect(mqtt?.standings.map(({ name, failure }) => [name, failure])).toEqual([
        ["Everywire", undefined],
        ["Mosquitto", undefined],
      ]);
      expect(survived).toContainEqual(["Mosquitto", MQTT_TRIAL, 0]);
    } else {
      expect(figures.subjects.find(({ name }) => name === "Mosquitto")?.missing).toContain("not installed");
    }
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(describePeers(figures).findings[0]).toContain("REST read of one record");
  }, 60_000);

  test("measures the floor beside doors over HTTP, WebSockets and TCP", async () => {
    const { doors } = await measureFloor(quick(), ["graphql", "mqtt-1", "tcp-1", "long-poll"]);
    expect(doors.map(({ name, ours, floor }) => [name, ours.failure, floor.failure])).toEqual([
      ["long-poll", undefined, undefined],
      ["graphql", undefined, undefined],
      ["mqtt-1", undefined, undefined],
      ["tcp-1", undefined, undefined],
    ]);
    expect(describeFloor({ doors }).parts[0]?.tables[0]?.rows).toHaveLength(4);
  }, 60_000);
});
