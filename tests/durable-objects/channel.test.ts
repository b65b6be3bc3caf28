import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { AppendRequest, EncodedEvent, FeedRecord } from "../../core/ports.ts";
import type { Failure } from "../../core/result.ts";
import { unwrap } from "../../core/result.ts";
import { createChannels } from "../../services/channels.ts";
import { decodeOutcomes, decodeReceipts, encodeAppends } from "../../wire/rpc-text.ts";

const channels = createChannels(env, DEFAULT_LIMITS);
const directory = env.DIRECTORY.getByName("main");
let names = 0;
const newName = () => {
  names += 1;
  return `rooms/channel-${names}` as ChannelName;
};
const event = (n: number, dedupeKey?: string): EncodedEvent => ({
  type: "t",
  json: JSON.stringify({ specversion: "1.0", data: n }),
  dedupeKey,
});
const append = (name: ChannelName, ...events: EncodedEvent[]) =>
  channels.append(name, { events, rateKey: undefined });
const dataOf = (json: string) => (JSON.parse(json) as { data: unknown }).data;

/** A client's socket and what came over it, which can be waited for. */
async function openClient(name: ChannelName, after: After = LATEST, member = { id: "m1", name: "Ann" }) {
  const response = await channels.openSocket(
    name,
    {
      after,
      identity: {
        kind: "user",
        subject: member.id,
        name: member.name,
        roles: [],
        channels: undefined,
        expiresAtMs: undefined,
      },
      mayWrite: true,
      member,
      subprotocol: undefined,
    },
    new Request("https://channel/"),
  );
  const socket = response.webSocket;
  if (socket === null) throw new Error("no socket");
  const frames: Record<string, unknown>[] = [];
  const waiting: (() => void)[] = [];
  socket.addEventListener("message", ({ data }) => {
    frames.push(JSON.parse(String(data)) as Record<string, unknown>);
    for (const wake of waiting.splice(0)) wake();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  socket.accept();
  const until = async (isThere: (frame: Record<string, unknown>) => boolean) => {
    for (;;) {
      const found = frames.find(isThere);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return { socket, frames, until, closed };
}

describe("a channel's object", () => {
  it("takes the appends of several requests as one write: each whole or not at all, in order, once", async () => {
    const name = newName();
    const producer = (sequence: number) => ({ id: "p", epoch: 0, sequence });
    const many = Array.from({ length: 40 }, (_, index) => event(100 + index));
    const requests: AppendRequest[] = [
      { events: [event(1, "a"), event(2)], rateKey: undefined },
      { events: [event(3, "b"), event(3, "b"), event(1, "a")], rateKey: "user:ann" },
      { events: [event(99)], rateKey: undefined, producer: producer(7) },
      { events: [event(4)], rateKey: undefined, producer: producer(0) },
      { events: [event(4)], rateKey: undefined, producer: producer(0) },
      { events: many, rateKey: undefined },
    ];
    const text = await env.CHANNEL.getByName(name).append(encodeAppends(requests));
    const outcomes = decodeOutcomes<Failure>(text).map((outcome) =>
      typeof outcome === "string" ? decodeReceipts(outcome) : outcome.error.code,
    );
    const page = await channels.read(name, { after: EARLIEST, limit: 100 });
    expect(page.events.map(({ json }) => dataOf(json))).toEqual([
      1,
      2,
      3,
      4,
      ...many.map(({ json }) => dataOf(json)),
    ]);
    const [one, two, three, four, ...others] = page.events.map(({ sequence }) => sequence);
    const fresh = (sequence: string | undefined) => ({ sequence, duplicate: false });
    const known = (sequence: string | undefined) => ({ sequence, duplicate: true });
    expect(outcomes).toEqual([
      [fresh(one), fresh(two)],
      [fresh(three), known(three), known(one)],
      "precondition_failed",
      [fresh(four)],
      [known(four)],
      others.map(fresh),
    ]);
  });

  it("answers the same question anew after each append, and after it was deleted", async () => {
    const name = newName();
    const read = () => channels.read(name, { after: EARLIEST, limit: 10 });
    const lengths: number[] = [];
    for (let count = 1; count <= 3; count += 1) {
      await append(name, event(count));
      lengths.push((await read()).events.length, (await read()).events.length);
    }
    expect(lengths).toEqual([1, 1, 2, 2, 3, 3]);
    const { next } = await read();
    await channels.delete(name);
    expect((await read()).events).toEqual([]);
    expect((await channels.read(name, { after: next as After, limit: 10 })).gap).toMatchObject({
      requested: next,
    });
    await append(name, event(4));
    expect((await read()).events.map(({ json }) => dataOf(json))).toEqual([4]);
  });

  it("goes on after an eviction with the same log, dedupe and cursors", async () => {
    const name = newName();
    const [first] = await append(name, event(1, "a"));
    await evictDurableObject(env.CHANNEL.getByName(name));
    expect(await append(name, event(1, "a"))).toEqual([{ ...first, duplicate: true }]);
    await append(name, event(2));
    const page = await channels.read(name, { after: EARLIEST, limit: 10 });
    expect(page.events.map(({ json }) => dataOf(json))).toEqual([1, 2]);
    expect(page).toMatchObject({ gap: undefined, upToDate: true });
  });

  it("wakes with its sockets: a hibernated reader gets what is published, and may publish", async () => {
    const name = newName();
    const reader = await openClient(name);
    await append(name, event(1));
    await reader.until((frame) => frame.data === 1);
    await evictDurableObject(env.CHANNEL.getByName(name));
    await append(name, event(2));
    await reader.until((frame) => frame.data === 2);
    await evictDurableObject(env.CHANNEL.getByName(name));
    reader.socket.send(JSON.stringify({ type: "t", data: 3, ack: "r" }));
    expect(await reader.until((frame) => frame.op === "ack")).toMatchObject({ ref: "r", duplicate: false });
    expect(reader.frames.filter((frame) => frame.op === undefined).map(({ data }) => data)).toEqual([
      1, 2, 3,
    ]);
    reader.socket.close();
  });

  it("knows who is there after an eviction, and says who left", async () => {
    const name = newName();
    const ann = await openClient(name);
    const bob = await openClient(name, LATEST, { id: "m2", name: "Bob" });
    await ann.until((frame) => frame.type === "presence.join");
    await evictDurableObject(env.CHANNEL.getByName(name));
    expect((await channels.presence(name)).members).toHaveLength(2);
    bob.socket.close();
    expect(await ann.until((frame) => frame.type === "presence.leave")).toMatchObject({
      data: { id: "m2", name: "Bob" },
    });
    expect((await channels.presence(name)).members).toEqual([{ id: "m1", name: "Ann", connections: 1 }]);
    ann.socket.close();
  });

  it("counts a member once, however many connections it has", async () => {
    const name = newName();
    const watcher = await openClient(name, LATEST, { id: "w", name: "Watcher" });
    const first = await openClient(name);
    const second = await openClient(name);
    expect((await channels.presence(name)).members).toContainEqual({ id: "m1", name: "Ann", connections: 2 });
    first.socket.close();
    second.socket.close();
    await watcher.until((frame) => frame.type === "presence.leave");
    expect(watcher.frames.map(({ type }) => type)).toEqual(["presence.join", "presence.leave"]);
    watcher.socket.close();
  });

  it("feeds a subscription the backlog and then what comes, in order, past many pages", async () => {
    const name = newName();
    const batch = (from: number) => Array.from({ length: 100 }, (_, index) => event(from + index));
    for (let from = 0; from < 1200; from += 100) await append(name, ...batch(from));
    const subscription = await channels.subscribe(name, { after: EARLIEST });
    const seen: unknown[] = [];
    const live = append(name, ...batch(1200));
    for await (const records of subscription) {
      for (const record of records) if (record.kind === "event") seen.push(dataOf(record.json));
      if (seen.length >= 1300) break;
    }
    await live;
    expect(seen).toEqual(Array.from({ length: 1300 }, (_, index) => index));
  });

  it("tells a subscription where it stands before anything comes", async () => {
    const subscription = await channels.subscribe(newName(), { after: LATEST });
    let first: FeedRecord | undefined;
    for await (const [record] of subscription) {
      first = record;
      break;
    }
    expect(first?.kind).toBe("position");
  });

  it("ends its subscriptions and sockets when it is deleted", async () => {
    const name = newName();
    await append(name, event(1));
    const client = await openClient(name);
    const subscription = await channels.subscribe(name, { after: LATEST });
    const reading = (async () => {
      for await (const _records of subscription);
    })();
    const outcome = expect(reading).rejects.toMatchObject({ code: "gone" });
    expect(await channels.delete(name)).toBe(true);
    await outcome;
    expect(await client.closed).toMatchObject({ code: 4410 });
    expect(await channels.delete(name)).toBe(false);
  });

  it("parks a long poll until something comes, and gives it all that came", async () => {
    const name = newName();
    const waiting = channels.wait(name, { after: LATEST, limit: 10, timeoutMs: 30_000 });
    await append(name, event(1), event(2));
    const page = await waiting;
    expect(page.events.map(({ json }) => dataOf(json))).toEqual([1, 2]);
    const empty = await channels.wait(name, { after: page.next as After, limit: 10, timeoutMs: 20 });
    expect(empty).toMatchObject({ events: [], next: page.next, upToDate: true });
  });

  it("wakes a thousand long polls with one publish", async () => {
    const name = newName();
    await append(name, event(0));
    const polls = Array.from({ length: 1000 }, () =>
      channels.wait(name, { after: LATEST, limit: 10, timeoutMs: 30_000 }),
    );
    await channels.presence(name);
    await append(name, event(1));
    const pages = await Promise.all(polls);
    expect(pages.every((page) => page.events.length === 1)).toBe(true);
  });

  it("holds a publisher to its rate, by identity", async () => {
    const name = newName();
    // Each takes a whole second's worth, so that no machine is slow enough for all of them to be within the rate.
    const events = Array.from({ length: DEFAULT_LIMITS.PUBLISHES_PER_SECOND }, () => event(1));
    const publish = (rateKey: string) => channels.append(name, { events, rateKey });
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => publish("user:ann")));
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({ reason: { code: "rate_limited" } });
    await expect(publish("user:bob")).resolves.toHaveLength(events.length);
  });

  it("answers a bad cursor with the code, across the RPC", async () => {
    await expect(channels.read(newName(), { after: "x" as After, limit: 1 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });
});

describe("the directory", () => {
  it("knows a channel from its first event until it is deleted", async () => {
    const name = newName();
    await append(name, event(1));
    expect(await directory.match(name as never, undefined, 10)).toEqual([name]);
    await channels.delete(name);
    expect(await directory.match(name as never, undefined, 10)).toEqual([]);
  });

  it("is told by the alarm where it could not be told at once", async () => {
    const name = newName();
    const stub = env.CHANNEL.getByName(name);
    await append(name, event(1));
    await directory.remove(name);
    await runInDurableObject(stub, async (_object, state) => {
      state.storage.sql.exec("UPDATE life SET registered = 0");
      await state.storage.setAlarm(Date.now() + 60_000);
    });
    await evictDurableObject(stub);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await directory.match(name as never, undefined, 10)).toEqual([name]);
  });

  it("lists by prefix in pages, and a prefix is not a pattern", async () => {
    for (const name of ["p/a", "p/b", "p/c", "q/a", "p_a"]) await directory.register(name, 0);
    const first = await directory.list({ prefix: "p/", afterName: undefined, limit: 2 });
    expect(first.map(({ name }) => name)).toEqual(["p/a", "p/b"]);
    const second = await directory.list({ prefix: "p/", afterName: "p/b", limit: 2 });
    expect(second.map(({ name }) => name)).toEqual(["p/c"]);
    expect(await directory.list({ prefix: "p_", afterName: undefined, limit: 9 })).toHaveLength(1);
    expect(await directory.match("*/a" as never, undefined, 10)).toEqual(["p/a", "q/a"]);
  });
});

describe("expiry", () => {
  it("runs by the alarm, and leaves a gap that a reader is told of", async () => {
    const name = newName();
    const stub = env.CHANNEL.getByName(name);
    const [receipt] = await append(name, event(1));
    await append(name, event(2));
    await runInDurableObject(stub, (_object, state) => {
      state.storage.sql.exec("UPDATE log SET ms = 1");
    });
    await evictDurableObject(stub);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const page = await channels.read(name, { after: receipt?.sequence as After, limit: 10 });
    expect(page).toMatchObject({ events: [], gap: { requested: receipt?.sequence } });
    expect(unwrap(await stub.read({ after: page.next as After, limit: 10 })).gap).toBeUndefined();
  });
});
