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

  it("are never more on a relay than it may have, however many come at once", async () => {
    const name = newName();
    const readers = await Promise.all(range(1, 9).map(() => follow(name)));
    const relays = await relaysOf(name);
    const counts = await Promise.all(
      relays.map((relay) =>
        runInDurableObject(relayOf(name, relay), (_, state) => state.getWebSockets().length),
      ),
    );
    expect(Math.max(...counts)).toBeLessThanOrEqual(2);
    expect(counts.reduce((sum, count) => sum + count)).toBe(9);
    await append(name, 1);
    for (const reader of readers) await reader.until(1);
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

  it("reads the log where one append is more than is passed on", async () => {
    const name = newName();
    const reader = await follow(name);
    const large = { type: "t", json: JSON.stringify({ data: "x".repeat(250_000) }), dedupeKey: undefined };
    await channels.append(name, { events: Array.from({ length: 6 }, () => large), rateKey: undefined });
    await vi.waitFor(() => expect(reader.seen.filter(({ kind }) => kind === "event")).toHaveLength(6));
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

/** A client's socket, and what came over it. */
async function join(name: ChannelName, id: string, more: { after?: After; subprotocol?: string } = {}) {
  const response = await channels.openSocket(
    name,
    {
      after: more.after ?? LATEST,
      identity: {
        kind: "user",
        subject: id,
        name: id,
        roles: [],
        channels: undefined,
        expiresAtMs: undefined,
      },
      mayWrite: true,
      member: { id, name: id },
      subprotocol: more.subprotocol,
    },
    new Request("https://channel/"),
  );
  const socket = response.webSocket;
  if (socket === null) throw new Error("no socket");
  const frames: Record<string, unknown>[] = [];
  socket.addEventListener("message", ({ data }) => void frames.push(JSON.parse(String(data))));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  socket.accept();
  const said = () => frames.map((frame) => frame.op ?? `${frame.type} ${JSON.stringify(frame.data)}`);
  return {
    frames,
    closed,
    headers: response.headers,
    send: (frame: object) => socket.send(JSON.stringify(frame)),
    close: () => socket.close(1000),
    /** What came, in order: `op` of an operation, type and data of an event. */
    until: (...expected: unknown[]) => vi.waitFor(() => expect(said()).toEqual(expected), { timeout: 5000 }),
    untilOp: (op: string) =>
      vi.waitFor(() => {
        const found = frames.find((frame) => frame.op === op);
        expect(found).toBeDefined();
        return found;
      }),
  };
}
const joined = (id: string) => `presence.join ${JSON.stringify({ id, name: id })}`;
const left = (id: string) => `presence.leave ${JSON.stringify({ id, name: id })}`;

describe("clients on relays", () => {
  it("publish in order, each seeing its own event before its ack, and are answered in that order", async () => {
    const name = newName();
    const ann = await join(name, "ann");
    for (const n of range(1, 30)) ann.send({ type: "t", data: n, id: `e${n}`, ack: true });
    ann.send({ op: "ping", ref: "last" });
    await vi.waitFor(() => expect(ann.frames.at(-1)).toEqual({ op: "pong", ref: "last" }));
    const events = ann.frames.filter(({ op }) => op === undefined);
    const acks = ann.frames.filter(({ op }) => op === "ack");
    expect(events.map(({ data }) => data)).toEqual(range(1, 30));
    expect(acks.map(({ ref }) => ref)).toEqual(range(1, 30).map((n) => `e${n}`));
    expect(acks.map(({ sequence }) => sequence)).toEqual(events.map(({ sequence }) => sequence));
    for (const { ref } of acks) {
      const place = (isIt: (frame: Record<string, unknown>) => boolean) => ann.frames.findIndex(isIt);
      expect(place(({ id }) => id === ref)).toBeLessThan(place((frame) => frame.ref === ref));
    }
    ann.send({ type: "t", data: 1, id: "e1", ack: "again" });
    await vi.waitFor(() =>
      expect(ann.frames.at(-1)).toMatchObject({ ref: "again", duplicate: true, sequence: acks[0]?.sequence }),
    );
    ann.close();
  });

  it("get what is not stored from others, wherever those are, and not from themselves", async () => {
    const name = newName();
    const [ann, bob, cid] = [await join(name, "ann"), await join(name, "bob"), await join(name, "cid")];
    expect(await relaysOf(name)).toEqual([1, 2]);
    ann.send({ type: "chat.typing", data: "ann", ack: 1 });
    await ann.untilOp("ack");
    cid.send({ type: "chat.typing", data: "cid", ack: 2 });
    await cid.untilOp("ack");
    await ann.until(joined("bob"), joined("cid"), "ack", 'chat.typing "cid"');
    await bob.until(joined("cid"), 'chat.typing "ann"', 'chat.typing "cid"');
    await cid.until('chat.typing "ann"', "ack");
    for (const client of [ann, bob, cid]) client.close();
  });

  it("are told of errors as on the channel itself, and go on", async () => {
    const name = newName();
    const ann = await join(name, "ann");
    ann.send({ type: "" });
    ann.send({ op: "nonsense", ref: 7 });
    ann.send({ type: "t", data: 1, ack: 1 });
    await ann.untilOp("ack");
    expect(ann.frames.filter(({ op }) => op === "error")).toMatchObject([
      { code: "invalid_argument" },
      { code: "invalid_argument", ref: 7 },
    ]);
    ann.close();
  });

  it("are held to one rate together, however many relays there are", async () => {
    const name = newName();
    const sockets = [await join(name, "ann"), await join(name, "ann"), await join(name, "ann")];
    for (const ann of sockets)
      for (const n of range(1, 40)) ann.send({ type: "chat.typing", data: n, ack: n });
    await vi.waitFor(() => {
      const answers = sockets.flatMap(({ frames }) => frames.filter(({ op }) => op !== undefined));
      expect(answers).toHaveLength(120);
      const acks = answers.filter(({ op }) => op === "ack");
      expect(acks.length).toBeGreaterThanOrEqual(60);
      expect(acks.length).toBeLessThan(80);
    });
    for (const ann of sockets) ann.close();
  });

  it("are asked for their pace by the relay, and answer there", async () => {
    const name = newName();
    const ann = await join(name, "ann");
    const large = { type: "t", json: JSON.stringify({ data: "x".repeat(250_000) }), dedupeKey: undefined };
    for (let n = 0; n < 20; n += 1) await channels.append(name, { events: [large], rateKey: undefined });
    const ping = await ann.untilOp("ping");
    ann.send({ op: "pong", ref: ping?.ref });
    ann.send({ op: "ping", ref: "after" });
    await ann.untilOp("pong");
    expect(ann.frames.filter(({ op }) => op === "error")).toEqual([]);
    ann.close();
  });

  it("publish through a channel and a relay that slept", async () => {
    const name = newName();
    const ann = await join(name, "ann");
    await append(name, 1);
    await vi.waitFor(() => expect(ann.frames).toHaveLength(1));
    await evictDurableObject(relayOf(name));
    await evictDurableObject(channelOf(name));
    ann.send({ type: "t", data: 2, ack: 1 });
    await ann.until("undefined 1", "t 2", "ack");
    ann.close();
  });

  it("end with the close codes of the channel, and are given the subprotocol that they asked for", async () => {
    const name = newName();
    await append(name, 1);
    const ann = await join(name, "ann", { subprotocol: "everywire" });
    expect(ann.headers.get("sec-websocket-protocol")).toBe("everywire");
    await channels.delete(name);
    expect(await ann.closed).toMatchObject({ code: 4410, reason: "the channel was deleted" });
  });
});

describe("members on relays", () => {
  const membersOf = async (name: ChannelName) =>
    (await channels.presence(name)).members.map(({ id, connections }) => `${id} ${connections}`).sort();

  it("are announced once, with their first connection anywhere and their last", async () => {
    const name = newName();
    const eve = await join(name, "eve");
    const [ann, bob, again] = [await join(name, "ann"), await join(name, "bob"), await join(name, "ann")];
    expect(await relaysOf(name)).toEqual([1, 2]);
    expect(await membersOf(name)).toEqual(["ann 2", "bob 1", "eve 1"]);
    eve.send({ op: "who", ref: 1 });
    const who = (await eve.untilOp("who")) as { members: { id: string }[] };
    expect(who.members.map(({ id }) => id).sort()).toEqual(["ann", "bob", "eve"]);
    ann.close();
    await vi.waitFor(async () => expect(await membersOf(name)).toEqual(["ann 1", "bob 1", "eve 1"]));
    again.close();
    await eve.until(joined("ann"), joined("bob"), "who", left("ann"));
    await bob.until(left("ann"));
    bob.close();
    eve.close();
  });

  it("are known again when the channel was made anew, and who leaves or comes by waking it is announced", async () => {
    const name = newName();
    const [ann, bob, cid] = [await join(name, "ann"), await join(name, "bob"), await join(name, "cid")];
    await evictDurableObject(channelOf(name));
    expect(await membersOf(name)).toEqual(["ann 1", "bob 1", "cid 1"]);
    await evictDurableObject(channelOf(name));
    cid.close();
    await ann.until(joined("bob"), joined("cid"), left("cid"));
    await evictDurableObject(channelOf(name));
    const dan = await join(name, "dan");
    await ann.until(joined("bob"), joined("cid"), left("cid"), joined("dan"));
    await evictDurableObject(channelOf(name));
    const more = await join(name, "bob");
    bob.send({ op: "who", ref: 1 });
    const who = (await bob.untilOp("who")) as { members: object[] };
    expect(who.members).toContainEqual({ id: "bob", name: "bob", connections: 2 });
    await evictDurableObject(channelOf(name));
    ann.send({ op: "who", ref: 1 });
    await ann.untilOp("who");
    expect(ann.frames.filter(({ type }) => type === "presence.join")).toHaveLength(3);
    for (const client of [ann, bob, dan, more]) client.close();
    await vi.waitFor(async () => expect(await membersOf(name)).toEqual([]));
  });

  it("that leave a relay which slept are announced", async () => {
    const name = newName();
    const [ann, bob] = [await join(name, "ann"), await join(name, "bob")];
    await evictDurableObject(relayOf(name));
    bob.close();
    await ann.until(joined("bob"), left("bob"));
    expect(await membersOf(name)).toEqual(["ann 1"]);
    ann.close();
  });

  it("have left when their relay was aborted", async () => {
    const name = newName();
    const [ann, bob, cid] = [await join(name, "ann"), await join(name, "bob"), await join(name, "cid")];
    await runInDurableObject(relayOf(name), (_relay, state) => state.abort("killed")).catch(() => undefined);
    await Promise.all([ann.closed, bob.closed]);
    await append(name, 1);
    await cid.until("undefined 1", left("ann"), left("bob"));
    expect(await membersOf(name)).toEqual(["cid 1"]);
    cid.close();
  });

  it("are not announced where nobody is signed in, but counted", async () => {
    const name = newName();
    const ann = await join(name, "ann");
    const response = await channels.openSocket(
      name,
      {
        after: LATEST,
        identity: { kind: "anonymous", address: "" },
        mayWrite: false,
        member: { id: "anon", name: "anonymous" },
        subprotocol: undefined,
      },
      new Request("https://channel/"),
    );
    response.webSocket?.accept();
    expect(await membersOf(name)).toEqual(["ann 1", "anon 1"]);
    response.webSocket?.close();
    await vi.waitFor(async () => expect(await membersOf(name)).toEqual(["ann 1"]));
    expect(ann.frames).toEqual([]);
    ann.close();
  });

  it("are not counted who were turned away", async () => {
    const name = newName();
    await expect(join(name, "ann", { after: "x" as After })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    await vi.waitFor(async () => expect(await membersOf(name)).toEqual([]));
  });
});
