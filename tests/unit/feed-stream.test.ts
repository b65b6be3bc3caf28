import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import type { FeedRecord, LiveSubscription } from "../../core/ports.ts";
import type { FeedStreamOptions } from "../../functions/boundary/feed-stream.ts";
import { FeedStream } from "../../functions/boundary/feed-stream.ts";
import { createEncoding } from "../../functions/sse/encode.ts";
import { Positions } from "../../functions/sse/positions.ts";

/** A subscription that says what a test tells it to. */
class Script implements LiveSubscription {
  isClosed = false;
  isOver = false;
  taken = 0;
  readonly #batches: (readonly FeedRecord[])[] = [];
  #error: EverywireError | undefined;
  #listener: (() => void) | undefined;

  say(...records: FeedRecord[]): void {
    this.repeat(records);
  }

  /** Says an array of records itself, as readers of one isolate share it. */
  repeat(records: readonly FeedRecord[]): void {
    this.#batches.push(records);
    this.#listener?.();
  }

  cut(error: EverywireError): void {
    this.#error = error;
    this.#listener?.();
  }

  end(): void {
    this.isOver = true;
    this.#listener?.();
  }

  close(): void {
    this.isClosed = true;
  }

  onReady(listener: () => void): void {
    this.#listener = listener;
  }

  peek(): readonly FeedRecord[] | undefined {
    if (this.#batches.length === 0 && this.#error !== undefined) throw this.#error;
    return this.#batches[0];
  }

  take(): readonly FeedRecord[] | undefined {
    const batch = this.peek();
    if (this.#batches.shift() !== undefined) this.taken += 1;
    return batch;
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly FeedRecord[]> {
    throw new Error("A stream takes and does not iterate.");
  }
}

const event = (cursor: string, json = "{}"): FeedRecord => ({ kind: "event", cursor, type: "t", json });

function open(script: Script, more: Partial<FeedStreamOptions> = {}) {
  const faults: EverywireError[] = [];
  const stream = new FeedStream({
    subscriptions: [script],
    encoding: createEncoding(new Positions([EARLIEST]), 0.5),
    heartbeatMs: 1000,
    expiresInMs: undefined,
    onFault: (fault) => faults.push(fault),
    ...more,
  });
  const reader = stream.body.getReader();
  const read = async (): Promise<string | undefined> => {
    const { value, done } = await reader.read();
    return done ? undefined : new TextDecoder().decode(value);
  };
  return { stream, reader, read, faults };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("an event stream", () => {
  it("has its first bytes ready before anything happens", async () => {
    const { read } = open(new Script());
    expect(await read()).toBe(": everywire\n\nretry: 1500\n\n");
  });

  it("sends what came together as one chunk, and ephemeral events without an id", async () => {
    const script = new Script();
    const { read } = open(script);
    await read();
    script.say({ kind: "position", cursor: "0" }, event("1"), { kind: "ephemeral", type: "e", json: "[]" });
    expect(await read()).toBe("id: 0\n\nid: 1\nevent: t\ndata: {}\n\nevent: e\ndata: []\n\n");
  });

  it("hands over at most a chunk beyond its room, and goes on when that is taken", async () => {
    const script = new Script();
    const { read } = open(script);
    await read();
    // Ten of 20 KB each: four are more than 64 KiB.
    for (let n = 0; n < 10; n += 1) script.say(event(String(n), `"${"x".repeat(20_000)}"`));
    await vi.advanceTimersByTimeAsync(0);
    expect(script.taken).toBe(4);
    for (let n = 0; n < 10; n += 1) expect(await read()).toContain(`id: ${n}\n`);
    expect(script.taken).toBe(10);
  });

  it("sends in the turn in which something came", () => {
    const script = new Script();
    const { stream } = open(script);
    script.say(event("1"));
    expect(script.taken).toBe(1);
    stream.stop();
  });

  it("gives all readers of one frame the same bytes, each in its own order", async () => {
    const [a, b] = [new Script(), new Script()];
    const [one, other] = [open(a), open(b)];
    await Promise.all([one.read(), other.read()]);
    const [first, second] = [[event("1"), event("2")], [event("3")]];
    for (const records of [first, second]) for (const script of [a, b]) script.repeat(records);
    const bytesOf = async ({ reader }: typeof one) => [
      (await reader.read()).value,
      (await reader.read()).value,
    ];
    const [left, right] = [await bytesOf(one), await bytesOf(other)];
    expect(left[0]).toBe(right[0]);
    expect(left[1]).toBe(right[1]);
    expect(new TextDecoder().decode(left[0])).toBe(
      "id: 1\nevent: t\ndata: {}\n\nid: 2\nevent: t\ndata: {}\n\n",
    );
    expect(new TextDecoder().decode(left[1])).toBe("id: 3\nevent: t\ndata: {}\n\n");
  });

  it("says that it has all when the channel was closed and everything is read", async () => {
    const script = new Script();
    const { read } = open(script);
    await read();
    script.say(event("1"));
    script.end();
    expect(await read()).toContain("id: 1");
    expect(await read()).toContain('"code":"gone"');
    expect(await read()).toBeUndefined();
  });

  it("holds every channel back until all have said where they stand", async () => {
    const [a, b] = [new Script(), new Script()];
    const encoding = createEncoding(new Positions([LATEST, LATEST]), 0.5);
    const { read } = open(a, { subscriptions: [a, b], encoding });
    await read();
    a.say({ kind: "position", cursor: "a0" });
    a.say(event("a1"));
    expect(a.taken).toBe(0);
    b.say({ kind: "position", cursor: "b0" });
    let text = "";
    while (!text.includes("id: a1.b0\nevent")) text += await read();
    expect(text).toMatch(/^id: a0\.b0\n\nid: a0\.b0\n\nid: a1\.b0\nevent/);
  });

  it("sends a heartbeat for each interval", async () => {
    const { read } = open(new Script());
    await read();
    await vi.advanceTimersByTimeAsync(1000);
    expect(await read()).toBe(": heartbeat\n\n");
  });

  it("gives a reader up that takes nothing, and closes its subscription", async () => {
    const script = new Script();
    const { reader } = open(script);
    await vi.advanceTimersByTimeAsync(3000);
    expect(script.isClosed).toBe(true);
    await expect(reader.read()).rejects.toMatchObject({ code: "unavailable" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("says why the subscription was cut, and ends", async () => {
    const script = new Script();
    const { read, faults } = open(script);
    await read();
    script.cut(new EverywireError("unavailable", "Too slow."));
    expect(await read()).toBe(
      'event: everywire.error\ndata: {"code":"unavailable","message":"Too slow."}\n\n',
    );
    expect(await read()).toBeUndefined();
    expect(faults).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("tells a fault of ours to the log, and only its code to the reader", async () => {
    const script = new Script();
    const { read, faults } = open(script);
    await read();
    script.cut(new TypeError("secret") as unknown as EverywireError);
    expect(await read()).not.toContain("secret");
    expect(faults).toHaveLength(1);
  });

  it("ends when the token does", async () => {
    const script = new Script();
    const { read } = open(script, { expiresInMs: 500 });
    await read();
    await vi.advanceTimersByTimeAsync(500);
    expect(await read()).toContain('"code":"unauthenticated"');
    expect(await read()).toBeUndefined();
    expect(script.isClosed).toBe(true);
  });

  it("leaves nothing behind when the client goes away", async () => {
    const script = new Script();
    const { reader } = open(script, { expiresInMs: 60_000 });
    await reader.cancel();
    expect(script.isClosed).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("never lets an id count another channel's event that was not sent yet", async () => {
    const [a, b] = [new Script(), new Script()];
    const positions = new Positions(["a0" as After, "b0" as After]);
    const { read } = open(a, { subscriptions: [a, b], encoding: createEncoding(positions, 0.5) });
    a.say(event("a1"));
    b.say(event("b1"));
    await vi.advanceTimersByTimeAsync(0);
    await read();
    expect(await read()).toContain("id: a1.b0\n");
    expect(await read()).toContain("id: a1.b1\n");
  });
});
