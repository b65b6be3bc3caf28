import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { After } from "../../core/cursor.ts";
import { EARLIEST } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import type { FeedRecord, Subscription } from "../../core/ports.ts";
import type { FeedStreamOptions } from "../../functions/boundary/feed-stream.ts";
import { FeedStream } from "../../functions/boundary/feed-stream.ts";
import { createEncoding } from "../../functions/sse/encode.ts";
import { Positions } from "../../functions/sse/positions.ts";

/** A subscription that says what a test tells it to. */
class Script implements Subscription {
  isClosed = false;
  taken = 0;
  readonly #batches: (readonly FeedRecord[])[] = [];
  #error: EverywireError | undefined;
  #wake: (() => void) | undefined;

  say(...records: FeedRecord[]): void {
    this.#batches.push(records);
    this.#wake?.();
  }

  cut(error: EverywireError): void {
    this.#error = error;
    this.#wake?.();
  }

  close(): void {
    this.isClosed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly FeedRecord[]> {
    while (!this.isClosed) {
      const batch = this.#batches.shift();
      if (batch !== undefined) {
        this.taken += 1;
        yield batch;
      } else if (this.#error !== undefined) {
        throw this.#error;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

const event = (cursor: string, json = "{}"): FeedRecord => ({ kind: "event", cursor, type: "t", json });

function open(script: Script, more: Partial<FeedStreamOptions> = {}) {
  const faults: EverywireError[] = [];
  const stream = new FeedStream({
    subscriptions: [script],
    encoding: createEncoding(new Positions([EARLIEST]), 1500),
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

  it("takes no more from a subscription than its reader takes from it", async () => {
    const script = new Script();
    const { read } = open(script);
    for (let n = 0; n < 10; n += 1) script.say(event(String(n)));
    await vi.advanceTimersByTimeAsync(0);
    expect(script.taken).toBe(1);
    await read();
    expect(await read()).toContain("id: 0");
    await vi.advanceTimersByTimeAsync(0);
    expect(script.taken).toBeLessThanOrEqual(3);
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
    const { read } = open(a, { subscriptions: [a, b], encoding: createEncoding(positions, 1500) });
    a.say(event("a1"));
    b.say(event("b1"));
    await vi.advanceTimersByTimeAsync(0);
    await read();
    expect(await read()).toContain("id: a1.b0\n");
    expect(await read()).toContain("id: a1.b1\n");
  });
});
