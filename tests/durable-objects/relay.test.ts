import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { EncodedEvent, FeedRecord } from "../../core/ports.ts";
import { createChannels } from "../../services/channels.ts";
import { toRelayName } from "../../wire/relay-text.ts";

/** A channel here keeps no reader, and a relay two (vitest.config.ts). */
const channels = createChannels(env, DEFAULT_LIMITS);
let names = 0;
const newName = () => {
  names += 1;
  return `rooms/relayed-${names}` as ChannelName;
};
const event = (n: number): EncodedEvent => ({
  type: "t",
  json: JSON.stringify({ specversion: "1.0", data: n }),
  dedupeKey: undefined,
});
const append = (name: ChannelName, ...numbers: number[]) =>
  channels.append(name, { events: numbers.map(event), rateKey: undefined });
const tell = (name: ChannelName, n: number) => channels.broadcast(name, [event(n)], undefined);
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const channelOf = (name: ChannelName) => env.CHANNEL.getByName(name);
const relayOf = (name: ChannelName, relay = 1) => env.RELAY.getByName(toRelayName(name, relay));
const relaysOf = (name: ChannelName) =>
  runInDurableObject(channelOf(name), (_channel, { storage }) =>
    storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'relays'").toArray().length === 0
      ? []
      : storage.sql
          .exec<{ relay: number }>("SELECT relay FROM relays")
          .toArray()
          .map(({ relay }) => relay),
  );

/** A feed, and what came of it. */
async function follow(name: ChannelName, after: After = LATEST) {
  const subscription = await channels.subscribe(name, { after });
  const seen: FeedRecord[] = [];
  let cut: unknown;
  const over = (async () => {
    try {
      for await (const records of subscription) seen.push(...records);
    } catch (thrown) {
      cut = thrown;
    }
  })();
  const data = () =>
    seen.flatMap((record) =>
      record.kind === "event" || record.kind === "ephemeral"
        ? [(JSON.parse(record.json) as { data: unknown }).data]
        : [],
    );
  return {
    seen,
    until: (...expected: unknown[]) => vi.waitFor(() => expect(data()).toEqual(expected), { timeout: 5000 }),
    over: async () => {
      await over;
      return cut;
    },
    close: () => subscription.close(),
  };
}

/** Has the channel's calls to its relays go where a test says. */
async function interpose(name: ChannelName, deliver: (relayName: string, news: string) => Promise<unknown>) {
  await runInDurableObject(channelOf(name), (object) => {
    const RELAY = {
      getByName: (relay: string) => ({ deliver: (news: string) => deliver(relay, news) }),
    };
    Object.assign(object, { env: { ...env, RELAY } });
  });
}
const restore = (name: ChannelName) =>
  runInDurableObject(channelOf(name), (object) => void Object.assign(object, { env }));

describe("feeds on relays", () => {
  it("are spread over as many relays as it takes, and get everything in order", async () => {
    const name = newName();
    const readers = [];
    for (let n = 0; n < 5; n += 1) readers.push(await follow(name));
    expect(await relaysOf(name)).toEqual([1, 2, 3]);
    expect((await channels.presence(name)).readers).toBe(5);
    for (const n of range(1, 20)) await append(name, n);
    for (const reader of readers) await reader.until(...range(1, 20));
    for (const reader of readers) reader.close();
  });

  it("are caught up page by page while events go on, with nothing lost and nothing twice", async () => {
    const name = newName();
    for (let from = 1; from <= 1200; from += 100) await append(name, ...range(from, from + 99));
    const other = await follow(name);
    const reader = await follow(name, EARLIEST);
    for (let n = 1201; n <= 1300; n += 1) await append(name, n);
    await reader.until(...range(1, 1300));
    await other.until(...range(1201, 1300));
    reader.close();
    other.close();
  });

  it("get what is not stored in its place among what is, and nothing that was told before they came", async () => {
    const name = newName();
    const early = await follow(name);
    const publishing = [append(name, 1), tell(name, 2), append(name, 3), tell(name, 4)];
    const late = await follow(name);
    await Promise.all(publishing);
    await tell(name, 5);
    await early.until(1, 2, 3, 4, 5);
    await vi.waitFor(() => expect(late.seen.at(-1)).toMatchObject({ kind: "ephemeral" }));
    await late.until(5);
    early.close();
    late.close();
  });

  it("are told of a gap first where their cursor is of an earlier life", async () => {
    const name = newName();
    const [receipt] = await append(name, 1);
    await channels.delete(name);
    await append(name, 2);
    const reader = await follow(name, receipt?.sequence as After);
    await reader.until(2);
    expect(reader.seen.map(({ kind }) => kind)).toEqual(["position", "gap", "event"]);
    reader.close();
  });

  it("end when the channel is deleted, and who comes after lives on in the next life", async () => {
    const name = newName();
    await append(name, 1);
    const old = await follow(name);
    await channels.delete(name);
    const next = await follow(name);
    expect(await old.over()).toMatchObject({ code: "gone" });
    await append(name, 2);
    await next.until(2);
    next.close();
  });

  it("end in order when the stream is closed, and so does who comes then and has all of it", async () => {
    const name = newName();
    const early = await follow(name, EARLIEST);
    const stream = { source: "/test", rateKey: undefined, contentType: "application/json" };
    const plain = { ttlSeconds: undefined, expiresAtMs: undefined, isClosed: false, fork: undefined };
    await channels.createStream(name, { ...stream, ...plain, body: new Uint8Array() });
    await channels.appendToStream(name, {
      ...stream,
      body: new TextEncoder().encode("[1, 2]"),
      isClosing: true,
      producer: undefined,
      writerSequence: undefined,
    });
    expect(await early.over()).toBeUndefined();
    await early.until(1, 2);
    const late = await follow(name, EARLIEST);
    expect(await late.over()).toBeUndefined();
    await late.until(1, 2);
  });

  it("cannot come in with a cursor that is none", async () => {
    await expect(follow(newName(), "x" as After)).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

describe("a relay", () => {
  it("fills what it missed from the log, where a call to it was lost", async () => {
    const name = newName();
    const reader = await follow(name);
    await append(name, 1);
    await reader.until(1);
    await interpose(name, () => Promise.reject(new Error("lost")));
    await append(name, 2);
    await tell(name, 99);
    await append(name, 3, 4);
    await restore(name);
    await append(name, 5);
    await reader.until(1, 2, 3, 4, 5);
    reader.close();
  });

  it("is told again by the alarm, also after the channel was made anew", async () => {
    const name = newName();
    const reader = await follow(name);
    await interpose(name, () => Promise.reject(new Error("lost")));
    await append(name, 1, 2);
    await evictDurableObject(channelOf(name));
    expect(await runDurableObjectAlarm(channelOf(name))).toBe(true);
    await reader.until(1, 2);
    reader.close();
  });

  it("passes an event on once that it was told twice", async () => {
    const name = newName();
    const reader = await follow(name);
    await interpose(name, async (relay, news) => {
      await env.RELAY.getByName(relay).deliver(news);
      throw new Error("the answer was lost");
    });
    await append(name, 1);
    await reader.until(1);
    await restore(name);
    await append(name, 2);
    await reader.until(1, 2);
    reader.close();
  });

  it("is told in one call what came while it was busy, and keeps no publisher waiting", async () => {
    const name = newName();
    const reader = await follow(name);
    const calls: string[] = [];
    const blocked = Promise.withResolvers<void>();
    await interpose(name, async (relay, news) => {
      calls.push(news);
      await blocked.promise;
      return env.RELAY.getByName(relay).deliver(news);
    });
    for (const n of range(1, 20)) await append(name, n);
    expect(calls).toHaveLength(1);
    await runInDurableObject(channelOf(name), () => blocked.resolve());
    await reader.until(...range(1, 20));
    expect(calls).toHaveLength(2);
    reader.close();
  });

  it("reads the log where more came than is kept for it", async () => {
    const name = newName();
    const reader = await follow(name);
    const blocked = Promise.withResolvers<void>();
    const lengths: number[] = [];
    await interpose(name, async (relay, news) => {
      lengths.push(news.length);
      await blocked.promise;
      return env.RELAY.getByName(relay).deliver(news);
    });
    await append(name, 0);
    const large = { type: "t", json: JSON.stringify({ data: "x".repeat(200_000) }), dedupeKey: undefined };
    for (let n = 0; n < 8; n += 1) await channels.append(name, { events: [large], rateKey: undefined });
    await append(name, 9);
    await runInDurableObject(channelOf(name), () => blocked.resolve());
    await vi.waitFor(() => expect(reader.seen.filter(({ kind }) => kind === "event")).toHaveLength(10));
    expect(Math.max(...lengths)).toBeLessThan(1_000_000);
    reader.close();
  });

  it("wakes with its readers where it slept, and so does the channel", async () => {
    const name = newName();
    const reader = await follow(name);
    const second = await follow(name);
    await append(name, 1);
    await reader.until(1);
    await evictDurableObject(relayOf(name));
    await append(name, 2);
    await reader.until(1, 2);
    await evictDurableObject(relayOf(name));
    await evictDurableObject(channelOf(name));
    await append(name, 3);
    await reader.until(1, 2, 3);
    await second.until(1, 2, 3);
    reader.close();
    second.close();
  });

  it("is forgotten when its last reader has left", async () => {
    const name = newName();
    const readers = [await follow(name), await follow(name), await follow(name)];
    expect(await relaysOf(name)).toEqual([1, 2]);
    readers[2]?.close();
    await vi.waitFor(async () => expect(await relaysOf(name)).toEqual([1]));
    for (const reader of readers) reader.close();
    await vi.waitFor(async () => expect(await relaysOf(name)).toEqual([]));
    expect((await channels.presence(name)).readers).toBe(0);
    const again = await follow(name);
    await append(name, 1);
    await again.until(1);
    again.close();
  });

  it("whose object was aborted is told of next, and its readers come back by their cursors", async () => {
    const name = newName();
    const reader = await follow(name);
    await append(name, 1);
    await reader.until(1);
    await runInDurableObject(relayOf(name), (_relay, state) => state.abort("killed")).catch(() => undefined);
    expect(await reader.over()).toMatchObject({ code: "unavailable" });
    await append(name, 2);
    const last = reader.seen.at(-1);
    const back = await follow(name, (last?.kind === "event" ? last.cursor : LATEST) as After);
    await append(name, 3);
    await back.until(2, 3);
    back.close();
  });
});
