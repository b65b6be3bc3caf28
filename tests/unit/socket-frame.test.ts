import { describe, expect, it } from "vitest";
import { encodeBatchFrames } from "../../wire/socket-frame.ts";

describe("frames of several events", () => {
  it("are an array of them, in order; one event alone is itself", () => {
    expect(encodeBatchFrames(['{"a":1}'])).toEqual(['{"a":1}']);
    expect(encodeBatchFrames(['{"a":1}', '{"a":2}'])).toEqual(['[{"a":1},{"a":2}]']);
    expect(encodeBatchFrames([])).toEqual([]);
  });

  it("are as few as their size allows, and none has more than one event too many", () => {
    const events = Array.from({ length: 10 }, (_, n) => JSON.stringify({ n, text: "x".repeat(30_000) }));
    const frames = encodeBatchFrames(events);
    expect(frames.flatMap((frame) => JSON.parse(frame))).toEqual(events.map((json) => JSON.parse(json)));
    expect(frames).toHaveLength(4);
    for (const frame of frames) expect(frame.length).toBeLessThan(64 * 1024 + 30_100);
  });
});
