import { env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { EncodedEvent } from "../../core/ports.ts";
import type { CreateStreamRequest, StreamAppendRequest } from "../../core/stream.ts";
import { toStreamBytes } from "../../core/stream-messages.ts";
import { createChannels } from "../../services/channels.ts";

const channels = createChannels(env.CHANNEL, DEFAULT_LIMITS);
const UTF8 = new TextEncoder();
let names = 0;
const newName = () => {
  names += 1;
  return `streams/stream-${names}` as ChannelName;
};
const stubOf = (name: ChannelName) => env.CHANNEL.getByName(name);

const create = (
  name: ChannelName,
  more: Partial<Omit<CreateStreamRequest, "body">> & { body?: string } = {},
) =>
  channels.createStream(name, {
    source: "/test",
    rateKey: undefined,
    contentType: "text/plain",
    ttlSeconds: undefined,
    expiresAtMs: undefined,
    isClosed: false,
    fork: undefined,
    ...more,
    body: UTF8.encode(more.body ?? ""),
  });
const toAppend = (body: string, more: Partial<StreamAppendRequest> = {}): StreamAppendRequest => ({
  source: "/test",
  rateKey: undefined,
  contentType: "text/plain",
  isClosing: false,
  producer: undefined,
  writerSequence: undefined,
  ...more,
  body: UTF8.encode(body),
});
const append = (name: ChannelName, body: string, more: Partial<StreamAppendRequest> = {}) =>
  channels.appendToStream(name, toAppend(body, more));
const read = (name: ChannelName, after: After = EARLIEST, timeoutMs = 0) =>
  channels.readStream(name, { after, limit: 100, timeoutMs });
const textOf = async (name: ChannelName, after?: After) =>
  (await read(name, after)).events.map(({ json }) => new TextDecoder().decode(toStreamBytes(json))).join("");
const fork = (name: ChannelName, source: ChannelName, offset?: string, subOffset = 0) =>
  create(name, { contentType: undefined, fork: { source, offset: offset as After | undefined, subOffset } });
const event = (n: number): EncodedEvent => ({
  type: "t",
  json: JSON.stringify({ specversion: "1.0", data: n }),
  dedupeKey: undefined,
});
const publish = (name: ChannelName, n: number) =>
  channels.append(name, { events: [event(n)], rateKey: undefined });
const describeCode = (name: ChannelName) =>
  channels.describeStream(name).then(
    () => "there",
    (error: { code: string }) => error.code,
  );

/** The tables as version 1 of the schema made them, with one event in them. */
const VERSION_1 = [
  "CREATE TABLE life (id INTEGER PRIMARY KEY CHECK (id = 1), schema_version INTEGER NOT NULL, name TEXT NOT NULL, epoch TEXT, ended_lives INTEGER NOT NULL, first INTEGER NOT NULL, registered INTEGER NOT NULL)",
  "CREATE TABLE log (seq INTEGER PRIMARY KEY, ms INTEGER NOT NULL, type TEXT NOT NULL, dedupe TEXT, json TEXT NOT NULL)",
  "CREATE UNIQUE INDEX log_dedupe ON log (dedupe) WHERE dedupe IS NOT NULL",
  "CREATE TABLE dedupe (dedupe TEXT PRIMARY KEY, seq INTEGER NOT NULL, ms INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE INDEX dedupe_ms ON dedupe (ms)",
  "CREATE TABLE producers (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, cursor TEXT NOT NULL, ms INTEGER NOT NULL) WITHOUT ROWID",
  "INSERT INTO life VALUES (1, 1, 'c', '0mi9x2k4qz7f', 0, 1, 1)",
];

describe("a channel that an older release stored", () => {
  it("is brought up to date when it is loaded, with its events and its cursors", async () => {
    const name = newName();
    const stub = stubOf(name);
    await runInDurableObject(stub, (_object, { storage }) => {
      for (const statement of VERSION_1) storage.sql.exec(statement);
      const json = '{"sequence":"0mi9x2k4qz7f-0000000001","specversion":"1.0","data":1}';
      storage.sql.exec("INSERT INTO log VALUES (1, ?, 't', NULL, ?)", Date.now(), json);
    });
    await evictDurableObject(stub);
    const page = await channels.read(name, { after: EARLIEST, limit: 10 });
    expect(page.next).toBe("0mi9x2k4qz7f-0000000001");
    expect(await channels.describeStream(name)).toMatchObject({
      kind: "events",
      contentType: "application/json",
    });
    await append(name, "", { isClosing: true });
    await evictDurableObject(stub);
    expect(await channels.describeStream(name)).toMatchObject({ isClosed: true, tail: page.next });
    await runInDurableObject(stub, (_object, { storage }) => {
      expect(storage.sql.exec("SELECT schema_version FROM life").one()).toEqual({ schema_version: 3 });
    });
  });
});

describe("a stream", () => {
  it("is there after an eviction with everything that it was told", async () => {
    const name = newName();
    await create(name, { contentType: "text/markdown", ttlSeconds: 3600, body: "a" });
    await append(name, "b", {
      contentType: "text/markdown",
      writerSequence: "5",
      producer: { id: "p", epoch: 2, sequence: 0 },
    });
    const before = await channels.describeStream(name);
    await evictDurableObject(stubOf(name));
    expect(await channels.describeStream(name)).toEqual(before);
    expect(before).toMatchObject({ kind: "bytes", contentType: "text/markdown", ttlSeconds: 3600 });
    expect(await textOf(name)).toBe("ab");
    const again = { contentType: "text/markdown", producer: { id: "p", epoch: 2, sequence: 0 } };
    expect(await append(name, "b", again)).toMatchObject({
      isDuplicate: true,
      producer: { epoch: 2, sequence: 0 },
    });
    const late = append(name, "c", { contentType: "text/markdown", writerSequence: "5" });
    await expect(late).rejects.toMatchObject({ code: "precondition_failed" });
    expect(await textOf(name)).toBe("ab");
  });

  it("goes on under the name that it has, empty as it was created", async () => {
    const name = newName();
    const { info } = await create(name);
    await evictDurableObject(stubOf(name));
    expect(await read(name)).toMatchObject({ events: [], next: info.tail, upToDate: true, gap: undefined });
    expect(await env.DIRECTORY.getByName("main").match(name as never, undefined, 1)).toEqual([name]);
  });

  it("takes an append that is larger than an event, and gives the same bytes", async () => {
    const name = newName();
    await create(name);
    const body = "0123456789".repeat(60_000);
    const { receipts } = await append(name, body);
    expect(receipts.length).toBeGreaterThan(1);
    expect(await textOf(name)).toBe(body);
  });

  it("refuses an append whole where one message of it is bad", async () => {
    const name = newName();
    await create(name, { contentType: "application/cloudevents+json" });
    const batch = append(name, '[{"type":"a"},{"data":1}]', { contentType: "application/json" });
    await expect(batch).rejects.toMatchObject({ code: "invalid_argument" });
    expect((await read(name)).events).toEqual([]);
  });
});

describe("a closed stream", () => {
  it("refuses what other doors publish, and ends their readers when they have all of it", async () => {
    const name = newName();
    await publish(name, 1);
    const live = await channels.subscribe(name, { after: EARLIEST });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const records of live) for (const record of records) seen.push(record.kind);
    })();
    await append(name, '{"type":"last"}', { contentType: "application/json", isClosing: true });
    await reading;
    expect(seen).toEqual(["position", "event", "event"]);
    await expect(publish(name, 2)).rejects.toMatchObject({ code: "precondition_failed" });
    await evictDurableObject(stubOf(name));
    await expect(publish(name, 2)).rejects.toMatchObject({ code: "precondition_failed" });
    const late = await channels.subscribe(name, { after: EARLIEST });
    const kinds = [];
    for await (const records of late) for (const record of records) kinds.push(record.kind);
    expect(kinds).toEqual(["position", "event", "event"]);
  });

  it("is read by page as before, and answers a long poll at its end at once", async () => {
    const name = newName();
    await publish(name, 1);
    await append(name, "", { isClosing: true });
    const page = await channels.wait(name, { after: EARLIEST, limit: 10, timeoutMs: 60_000 });
    expect(page.events).toHaveLength(1);
    const atEnd = channels.wait(name, { after: page.next as After, limit: 10, timeoutMs: 60_000 });
    await expect(atEnd).rejects.toMatchObject({ code: "gone" });
    expect(await read(name, page.next as After, 60_000)).toMatchObject({ events: [], upToDate: true });
  });

  it("wakes a long poll by being closed", async () => {
    const name = newName();
    await create(name);
    const waiting = read(name, LATEST, 60_000);
    await append(name, "", { isClosing: true });
    expect(await waiting).toMatchObject({ events: [], info: { isClosed: true } });
  });
});

describe("the end of a stream", () => {
  it("comes by the alarm, also after an eviction, and a new life begins then", async () => {
    const name = newName();
    const { info } = await create(name, { ttlSeconds: 3600, body: "a" });
    await runInDurableObject(stubOf(name), (_object, { storage }) => {
      storage.sql.exec("UPDATE stream SET touched_ms = 1");
    });
    await evictDurableObject(stubOf(name));
    expect(await runDurableObjectAlarm(stubOf(name))).toBe(true);
    expect(await describeCode(name)).toBe("not_found");
    expect(await env.DIRECTORY.getByName("main").match(name as never, undefined, 1)).toEqual([]);
    await publish(name, 1);
    expect(await read(name, info.tail as After)).toMatchObject({ gap: { requested: info.tail } });
  });

  it("is pushed back by what other doors read and publish, as by this one", async () => {
    const name = newName();
    await create(name, { ttlSeconds: 3600 });
    const touched = async () => {
      let ms = 0;
      await runInDurableObject(stubOf(name), (_object, { storage }) => {
        ms = storage.sql.exec<{ touched_ms: number }>("SELECT touched_ms FROM stream").one().touched_ms;
        storage.sql.exec("UPDATE stream SET touched_ms = touched_ms - 1000");
      });
      await evictDurableObject(stubOf(name));
      return ms;
    };
    const first = await touched();
    await publish(name, 1);
    expect(await touched()).toBeGreaterThanOrEqual(first);
    await channels.read(name, { after: EARLIEST, limit: 1 });
    expect(await touched()).toBeGreaterThanOrEqual(first);
    await channels.describeStream(name);
    expect(await touched()).toBeLessThan(first);
  });

  it("does not come while somebody reads live, where it is counted from the last read", async () => {
    const name = newName();
    await create(name, { ttlSeconds: 1 });
    const live = await channels.subscribe(name, { after: EARLIEST });
    await runInDurableObject(stubOf(name), (_object, { storage }) => {
      storage.sql.exec("UPDATE stream SET touched_ms = 1");
    });
    await evictDurableObject(stubOf(name));
    expect(await describeCode(name)).toBe("there");
    live.close();
  });

  it("does not come either while the channel writes to a reader itself", async () => {
    const [name, unread] = [newName(), newName()];
    await create(name, { ttlSeconds: 1 });
    await create(unread, { ttlSeconds: 1 });
    const held = await createChannels(env.CHANNEL, DEFAULT_LIMITS, { holdsStreams: true }).openStream?.(
      name,
      {
        after: LATEST,
        wire: "sse",
        expiresAtMs: undefined,
      },
    );
    await scheduler.wait(1500);
    expect(await describeCode(name)).toBe("there");
    expect(await describeCode(unread)).not.toBe("there");
    await held?.body.cancel();
  });
});

describe("a fork", () => {
  it("has what its source had, under its own name, and goes its own way", async () => {
    const [source, copy] = [newName(), newName()];
    const { info } = await create(source, { body: "a" });
    await append(source, "b");
    await fork(copy, source);
    await append(source, "c");
    await append(copy, "d");
    await evictDurableObject(stubOf(copy));
    expect([await textOf(source), await textOf(copy)]).toEqual(["abc", "abd"]);
    // The source's cursor means the same place, on this door and on the others.
    expect(await textOf(copy, info.tail as After)).toBe("bd");
    const page = await channels.read(copy, { after: info.tail as After, limit: 10 });
    expect(page.gap).toBeUndefined();
    const events = page.events.map(({ json }) => JSON.parse(json) as Record<string, unknown>);
    expect(events.map(({ subject }) => subject)).toEqual([copy, copy]);
    expect(events.map(({ sequence }) => sequence)).toEqual(page.events.map(({ sequence }) => sequence));
  });

  it("copies more than crosses at once", async () => {
    const [source, copy] = [newName(), newName()];
    await create(source);
    for (let n = 0; n < 12; n += 1) await append(source, String(n).padStart(180_000, "."));
    await fork(copy, source);
    const whole = async (name: ChannelName) => {
      const texts: string[] = [];
      for (let after = EARLIEST; ; ) {
        const page = await read(name, after);
        texts.push(...page.events.map(({ json }) => new TextDecoder().decode(toStreamBytes(json))));
        if (page.upToDate) return texts.map((text) => Number(text.replaceAll(".", "")));
        after = page.next as After;
      }
    };
    expect(await whole(copy)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  it("keeps its source's name taken until it is gone, in whatever order they are deleted", async () => {
    const [source, middle, leaf] = [newName(), newName(), newName()];
    await create(source, { body: "a" });
    await fork(middle, source);
    await fork(leaf, middle);
    await channels.delete(source);
    await channels.delete(middle);
    await evictDurableObject(stubOf(source));
    expect([await describeCode(source), await describeCode(middle)]).toEqual(["gone", "gone"]);
    await expect(publish(source, 1)).rejects.toMatchObject({ code: "gone" });
    await expect(channels.read(source, { after: EARLIEST, limit: 1 })).rejects.toMatchObject({
      code: "gone",
    });
    await expect(channels.subscribe(source, { after: EARLIEST })).rejects.toMatchObject({ code: "gone" });
    await expect(channels.delete(source)).rejects.toMatchObject({ code: "gone" });
    expect(await textOf(leaf)).toBe("a");
    await channels.delete(leaf);
    expect([await describeCode(source), await describeCode(middle)]).toEqual(["not_found", "not_found"]);
  });

  it("that was not finished is forgotten by the alarm, on both sides", async () => {
    const [source, copy] = [newName(), newName()];
    await create(source, { body: "a" });
    await stubOf(source).openFork({ name: copy, offset: undefined, subOffset: 0, contentType: undefined });
    // What is left where the object was killed between the copy and its end.
    await publish(copy, 1);
    await channels.delete(copy);
    await runInDurableObject(stubOf(copy), async (_object, { storage }) => {
      storage.sql.exec("INSERT INTO releases (source) VALUES (?)", source);
      storage.sql.exec("INSERT INTO log (seq, ms, type, json) VALUES (1, 1, 't', '{}')");
      await storage.setAlarm(Date.now() + 60_000);
    });
    await evictDurableObject(stubOf(copy));
    expect(await runDurableObjectAlarm(stubOf(copy))).toBe(true);
    expect((await channels.read(copy, { after: EARLIEST, limit: 10 })).events).toEqual([]);
    await channels.delete(source);
    expect(await describeCode(source)).toBe("not_found");
  });

  it("of itself, or of what is not there, is refused and leaves nothing", async () => {
    const [missing, copy] = [newName(), newName()];
    await expect(fork(copy, missing)).rejects.toMatchObject({ code: "not_found" });
    await expect(fork(copy, copy)).rejects.toMatchObject({ code: "not_found" });
    expect(await describeCode(copy)).toBe("not_found");
    await publish(copy, 1);
    expect((await read(copy)).events).toHaveLength(1);
  });

  it("and another one that are made of each other at once are both refused", async () => {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const [one, other] = [newName(), newName()];
      const outcomes = await Promise.allSettled([fork(one, other), fork(other, one)]);
      expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      expect([await describeCode(one), await describeCode(other)]).toEqual(["not_found", "not_found"]);
    }
  });
});

describe("appends that are carried together", () => {
  it("are each what they would be by themselves, one after the other", async () => {
    const producer = (sequence: number, epoch = 1) => ({ producer: { id: "p", epoch, sequence } });
    const asked: readonly [string, Partial<StreamAppendRequest>][] = [
      ["a", { writerSequence: "2" }],
      ["-", { writerSequence: "2" }],
      ["-", { writerSequence: "1" }],
      ["b", { writerSequence: "3" }],
      ["-", { contentType: "text/html" }],
      ["c", producer(0)],
      ["-", producer(0)],
      ["-", producer(2)],
      ["d", producer(1)],
      ["e", producer(0, 2)],
      ["-", producer(2, 1)],
      ["", {}],
      ["f", { isClosing: true }],
      ["-", {}],
      ["-", producer(1, 2)],
      ["", { isClosing: true }],
    ];
    const [together, apart] = [newName(), newName()];
    await create(together);
    await create(apart);
    const appends = asked.map(([body, more]) => toAppend(body, more));
    const outcomes = await stubOf(together).appendToStream(appends);
    const expected = [];
    for (const one of appends) expected.push(...(await stubOf(apart).appendToStream([one])));
    // Offsets have the epoch of their channel, and ids are minted; all else is the same.
    const withoutIds = (outcome: unknown) =>
      JSON.parse(JSON.stringify(outcome).replace(/"evt_[^"]*"/g, '"id"'), (_key, value) =>
        typeof value === "string" && /^[0-9A-Za-z]{12,}/.test(value) ? value.slice(-8) : value,
      );
    expect(outcomes.map(withoutIds)).toEqual(expected.map(withoutIds));
    expect(outcomes.map(({ ok }) => ok).filter(Boolean)).toHaveLength(8);
    expect(await textOf(together)).toBe("abcdef");
    expect(await textOf(apart)).toBe("abcdef");
  });
});
