import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, formatCursor, LATEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { resolveStart } from "../../core/log-state.ts";
import type { HeldStreamRequest, StoredEvent } from "../../core/ports.ts";
import { ChannelHeldStreams } from "../../durable-objects/channel-held-streams.ts";

const EPOCH = "0mi9x2k4qz7f";

/** A channel with a log in memory; `written` resolves what waits for the disk. */
class Channel {
  readonly events: StoredEvent[] = [];
  isClosed = false;
  readonly onEmpty = vi.fn();
  /** Whether writes are on disk as soon as they are asked for. */
  isQuick = true;
  #syncs: (() => void)[] = [];
  readonly streams: ChannelHeldStreams;

  constructor(limits: Partial<typeof DEFAULT_LIMITS> = {}) {
    this.streams = new ChannelHeldStreams({
      channelName: "demo/a",
      limits: { ...DEFAULT_LIMITS, HEARTBEAT_SECONDS: 1, ...limits },
      log: this,
      isClosed: () => this.isClosed,
      flush: () => {},
      onEmpty: this.onEmpty,
      sync: () => (this.isQuick ? Promise.resolve() : new Promise((resolve) => this.#syncs.push(resolve))),
    });
  }

  get state() {
    return { epoch: EPOCH, endedLives: 0, head: this.events.length, first: 1 };
  }

  read(number: number, limit: number) {
    const events = this.events.slice(number, number + limit);
    return { events, last: number + events.length };
  }

  append(...texts: string[]): void {
    const fresh = texts.map((text, index) => ({
      sequence: formatCursor(EPOCH, this.events.length + index + 1),
      type: "t",
      json: JSON.stringify(text),
    }));
    this.events.push(...fresh);
    this.streams.deliver(fresh);
  }

  async written(): Promise<void> {
    for (const resolve of this.#syncs.splice(0)) resolve();
    await vi.advanceTimersByTimeAsync(0);
  }

  open(after: string = LATEST, more: Partial<HeldStreamRequest> = {}) {
    const request = { after: after as After, wire: "ndjson", expiresAtMs: undefined, ...more } as const;
    const { body, cursor } = this.streams.open(request, resolveStart(this.state, request.after), Date.now());
    const reader = body.getReader();
    return {
      body,
      reader,
      cursor,
      read: () => readAll(reader),
      next: async () => text((await reader.read()).value),
    };
  }
}

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const wait = (delayMs: number) => new Promise((resolve) => setTimeout(resolve, delayMs));

/** All that there is now. */
async function readAll(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  let all = "";
  for (;;) {
    const step = reader.read();
    const result = await Promise.race([step, vi.advanceTimersByTimeAsync(0).then(() => undefined)]);
    if (result === undefined) {
      reader.releaseLock();
      return all;
    }
    if (result.done) return all;
    all += text(result.value);
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("scheduler", { wait });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("streams that a channel writes", () => {
  it("send an event when it is on disk, and not before", async () => {
    const channel = new Channel();
    const { next, reader } = channel.open();
    expect(await next()).toBe("\n");
    channel.isQuick = false;
    channel.append("one");
    const arrived = vi.fn();
    const step = reader.read().then(({ value }) => arrived(text(value)));
    await vi.advanceTimersByTimeAsync(0);
    expect(arrived).not.toHaveBeenCalled();
    await channel.written();
    await step;
    expect(arrived).toHaveBeenCalledWith('"one"\n');
  });

  it("give a reader that comes while events wait for the disk each of them once, in order", async () => {
    const channel = new Channel();
    channel.isQuick = false;
    const early = channel.open();
    await channel.written();
    channel.append("one", "two");
    const late = channel.open(EARLIEST);
    channel.append("three");
    channel.streams.broadcast("x", '"typing"');
    channel.append("four");
    for (let n = 0; n < 4; n += 1) await channel.written();
    expect(await early.read()).toBe('\n"one"\n"two"\n"three"\n"typing"\n"four"\n');
    expect(await late.read()).toBe('\n"one"\n"two"\n"three"\n"typing"\n"four"\n');
  });

  it("are ended after the last event, also for who came between it and the disk", async () => {
    const channel = new Channel();
    channel.isQuick = false;
    const early = channel.open();
    await channel.written();
    channel.append("one");
    const between = channel.open(EARLIEST);
    channel.append("last");
    channel.isClosed = true;
    channel.streams.finishAll();
    const late = channel.open(EARLIEST);
    for (let n = 0; n < 4; n += 1) await channel.written();
    const all = [early, between, late];
    for (const { read } of all)
      expect(await read()).toMatch(/^\n"one"\n"last"\n\{"error":\{"code":"gone",.*\}\n$/);
    await vi.advanceTimersByTimeAsync(250);
    for (const { body } of all) expect((await body.getReader().read()).done).toBe(true);
    expect(channel.streams.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("give all readers of a wire the same bytes, and each wire its own", async () => {
    const channel = new Channel();
    const [a, b, c] = [channel.open(), channel.open(), channel.open(LATEST, { wire: "sse" })];
    await Promise.all([a.next(), b.next(), c.next()]);
    channel.append("one");
    const [first, second] = [(await a.reader.read()).value, (await b.reader.read()).value];
    expect(first).toBe(second);
    expect(await c.next()).toBe(`id: ${formatCursor(EPOCH, 1)}\nevent: t\ndata: "one"\n\n`);
  });

  it("begin with the position, and a gap before anything else", async () => {
    const channel = new Channel();
    channel.append("one");
    const { read, cursor } = channel.open(formatCursor("0mi9x2k4qz00", 5), { wire: "sse" });
    const all = await read();
    expect(all).toMatch(/^: everywire\n\nretry: 1\d\d\d\n\nid: (.*)\n\nid: \1\nevent: everywire.gap\ndata: /);
    expect(cursor).toBe(formatCursor(EPOCH, 0));
    expect(all.endsWith('data: "one"\n\n')).toBe(true);
  });

  it("fetch a page when the one before is taken, and lose nothing that comes meanwhile", async () => {
    const channel = new Channel();
    const reads = vi.spyOn(channel, "read");
    for (let n = 0; n < 1200; n += 1) channel.append(String(n));
    const { read } = channel.open(EARLIEST);
    await vi.advanceTimersByTimeAsync(0);
    channel.append("1200");
    expect(reads).toHaveBeenCalledTimes(1);
    const lines = (await read()).trim().split("\n");
    expect(lines.map((line) => Number(JSON.parse(line)))).toEqual(Array.from({ length: 1201 }, (_, n) => n));
    expect(reads).toHaveBeenCalledTimes(3);
  });

  it("say that they are alive by one timer for all, and none when nobody reads", async () => {
    const channel = new Channel();
    const [a, b] = [channel.open(), channel.open()];
    await Promise.all([a.next(), b.next()]);
    expect(vi.getTimerCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await Promise.all([a.next(), b.next()])).toEqual(["\n", "\n"]);
    await a.reader.cancel();
    expect(channel.onEmpty).not.toHaveBeenCalled();
    await b.reader.cancel();
    expect(channel.onEmpty).toHaveBeenCalledOnce();
    expect([channel.streams.size, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it("end with their token, each at its time", async () => {
    const channel = new Channel();
    const nowMs = Date.now();
    const long = channel.open(LATEST, { expiresAtMs: nowMs + 900 });
    const short = channel.open(LATEST, { expiresAtMs: nowMs + 500 });
    await Promise.all([long.next(), short.next()]);
    await vi.advanceTimersByTimeAsync(500);
    expect(await short.next()).toContain('"code":"unauthenticated"');
    expect((await short.reader.read()).done).toBe(true);
    expect(channel.streams.size).toBe(1);
    await vi.advanceTimersByTimeAsync(400);
    expect(await long.next()).toContain('"code":"unauthenticated"');
    expect(vi.getTimerCount()).toBe(0);
  });

  it("cut who takes nothing for three heartbeats, and not who takes a little", async () => {
    const channel = new Channel();
    const [still, slow] = [channel.open(), channel.open()];
    for (let n = 0; n < 10; n += 1) channel.append("x".repeat(10_000));
    for (let n = 0; n < 5; n += 1) {
      await vi.advanceTimersByTimeAsync(1000);
      await slow.reader.read();
    }
    expect(channel.streams.size).toBe(1);
    await expect(still.reader.read()).rejects.toMatchObject({ code: "unavailable" });
  });

  it("tell who is too slow so, after what was sent, and hold no more for it", async () => {
    const channel = new Channel({ MAX_READER_BUFFER_BYTES: 1000 });
    const slow = channel.open();
    for (let n = 0; n < 30; n += 1) {
      channel.append("x".repeat(100));
      await vi.advanceTimersByTimeAsync(0);
    }
    expect(channel.streams.size).toBe(0);
    const all = await slow.read();
    expect(all.length).toBeLessThan(1500);
    expect(all).toMatch(/^\n("x+"\n)+\{"error":\{"code":"unavailable",/);
    await vi.advanceTimersByTimeAsync(250);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("cut who was told its last word and does not take it", async () => {
    const channel = new Channel({ MAX_READER_BUFFER_BYTES: 1000 });
    const { reader } = channel.open();
    for (let n = 0; n < 30; n += 1) channel.append("x".repeat(100));
    await vi.advanceTimersByTimeAsync(4000);
    await expect(reader.read()).rejects.toMatchObject({ code: "unavailable" });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("are as many as they may be", () => {
    const { streams, ...channel } = new Channel({ MAX_HELD_STREAMS: 1 });
    expect([streams.hasRoom, channel.isClosed]).toEqual([true, false]);
    streams.open({ after: LATEST, wire: "sse", expiresAtMs: undefined }, { number: 0, gap: undefined }, 0);
    expect(streams.hasRoom).toBe(false);
  });
});
