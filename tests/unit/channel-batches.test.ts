import { describe, expect, it } from "vitest";
import type { StoredEvent } from "../../core/ports.ts";
import { ChannelBatches, windowMsFor } from "../../durable-objects/channel-batches.ts";

const event = (n: number, json = "{}"): StoredEvent => ({ sequence: String(n), type: "t", json });

/** Batches with a clock that a test moves on. */
function open(readers: number) {
  const sent: string[][] = [];
  const windowsMs: number[] = [];
  let endWindow: () => void = () => undefined;
  const batches = new ChannelBatches(
    (events) => sent.push(events.map(({ sequence }) => sequence)),
    () => readers,
    (delayMs) => {
      windowsMs.push(delayMs);
      return new Promise<void>((resolve) => {
        endWindow = resolve;
      });
    },
  );
  const end = async () => {
    endWindow();
    // What follows on the end of a window runs in microtasks alone.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { batches, sent, windowsMs, end };
}

describe("events of a channel that go out together", () => {
  it("wait at most 5 ms, and not at all for a few readers", () => {
    expect([0, 1, 19, 20, 35, 50, 5000].map(windowMsFor)).toEqual([0, 0, 0, 2, 3, 5, 5]);
  });

  it("go at once, each by itself, where there are few readers", () => {
    const { batches, sent, windowsMs } = open(3);
    for (const n of [1, 2, 3]) batches.add([event(n)]);
    expect(sent).toEqual([["1"], ["2"], ["3"]]);
    expect(windowsMs).toEqual([]);
  });

  it("are the first at once, and what comes within the window after it, in order", async () => {
    const { batches, sent, windowsMs, end } = open(200);
    batches.add([event(1)]);
    expect(sent).toEqual([["1"]]);
    batches.add([event(2), event(3)]);
    batches.add([event(4)]);
    expect(sent).toEqual([["1"]]);
    await end();
    expect(sent).toEqual([["1"], ["2", "3", "4"]]);
    batches.add([event(5)]);
    await end();
    expect(sent.at(-1)).toEqual(["5"]);
    expect(windowsMs).toEqual([5, 5, 5]);
  });

  it("go at once again after a window in which nothing came", async () => {
    const { batches, sent, end } = open(200);
    batches.add([event(1)]);
    await end();
    batches.add([event(2)]);
    expect(sent).toEqual([["1"], ["2"]]);
  });

  it("do not wait for the window's end once they are large", () => {
    const { batches, sent } = open(200);
    batches.add([event(1)]);
    batches.add([event(2, "x".repeat(200_000))]);
    batches.add([event(3, "x".repeat(200_000))]);
    expect(sent).toEqual([["1"], ["2", "3"]]);
  });

  it("go before what must not overtake them, and only once", async () => {
    const { batches, sent, end } = open(200);
    batches.add([event(1)]);
    batches.add([event(2)]);
    expect(batches.flush()).toBe(true);
    expect(sent).toEqual([["1"], ["2"]]);
    expect(batches.flush()).toBe(false);
    await end();
    expect(sent).toEqual([["1"], ["2"]]);
  });
});
