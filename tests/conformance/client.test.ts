import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { joinRoom } from "../../clients/typescript/chat.ts";
import type { Client, ConnectOptions, Subscription, TransportName } from "../../clients/typescript/index.ts";
import { connect, EverywireError } from "../../clients/typescript/index.ts";
import { serve } from "../../scripts/serve.ts";
import type { Hindrances } from "./hindering-proxy.ts";
import { createHinderingProxy } from "./hindering-proxy.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const HTTP_WIRES = ["websocket", "sse", "ndjson", "long-poll"] as const;
/** Waits that fit a test; what is decided by them is the same. */
const TIMING: ConnectOptions["timing"] = { backoffMs: 20, maxBackoffMs: 200 };

const newChannel = () => `demo/${randomUUID()}`;

let target: ServedTarget;
const clients: Client[] = [];
const open = (url: string, options: ConnectOptions = {}): Client => {
  const client = connect(url, { timing: TIMING, ...options });
  clients.push(client);
  return client;
};
beforeAll(async () => {
  target = await serveTarget();
});
afterAll(async () => {
  for (const client of clients) client.close();
  await target.stop();
});

/** Reads until there are so many stored events. */
async function take(subscription: Subscription, count: number): Promise<unknown[]> {
  const data: unknown[] = [];
  for await (const event of subscription) {
    if (event.sequence === undefined) continue;
    data.push(event.data);
    if (data.length === count) break;
  }
  return data;
}

const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Publishes numbers, some together and some after others were answered. */
async function publishAll(client: Client, channel: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 50) {
    const wave = upTo(Math.min(50, count - n));
    await Promise.all(wave.map((k) => client.publish(channel, { type: "n", data: n + k })));
  }
}

describe.each(HTTP_WIRES)("over %s", (wire) => {
  it("delivers each event once and in order, over cuts, and resumes elsewhere from its cursor", async () => {
    const channel = newChannel();
    const client = open(target.url, { transports: [wire] });
    const subscription = client.subscribe(channel);
    await subscription.ready;
    const first = take(subscription, 60);
    await publishAll(client, channel, 30);
    subscription.cut();
    await publishAll(client, channel, 30);
    expect(await first).toEqual([...upTo(30), ...upTo(30)]);
    expect(subscription.transport).toBe(wire);
    expect(subscription.state).toBe("closed");
    await client.publish(channel, { type: "n", data: "later" });
    const rest = open(target.url).subscribe(channel, { after: subscription.cursor });
    expect(await take(rest, 1)).toEqual(["later"]);
  });

  it("fails where the server refuses for good, and says why", async () => {
    const client = open(target.url, { transports: [wire], token: (await target.signIn("eve")).token });
    const subscription = client.subscribe("users/somebody/inbox", { after: "earliest" });
    await expect(subscription.ready).rejects.toMatchObject({ code: "permission_denied" });
    expect(subscription.state).toBe("failed");
    await expect(subscription[Symbol.asyncIterator]().next()).rejects.toBeInstanceOf(EverywireError);
  });
});

it.concurrent("goes on with a new token when the old one has ended", async () => {
  await Promise.all(
    HTTP_WIRES.map(async (wire) => {
      const room = `rooms/${randomUUID()}`;
      const publisher = open(target.url, { token: (await target.signIn("alice")).token });
      let asked = 0;
      const token = async () => {
        asked += 1;
        return (await target.signIn("alice", { expiresIn: asked === 1 ? 2 : 60 })).token;
      };
      const client = open(target.url, { transports: [wire], token });
      const subscription = client.subscribe(room);
      const received = take(subscription, 2);
      await subscription.ready;
      await publisher.publish(room, { type: "n", data: "before" });
      // The clock decides when a token ends, so there is nothing else to wait for.
      await new Promise((resolve) => setTimeout(resolve, 2500));
      await publisher.publish(room, { type: "n", data: "after" });
      expect(await received).toEqual(["before", "after"]);
      expect((await client.publish(room, { type: "n" })).duplicate).toBe(false);
      expect(asked).toBe(2);
    }),
  );
});

describe.concurrent("the ladder", () => {
  const cases: readonly (readonly [
    string,
    Hindrances,
    readonly TransportName[],
    TransportName | undefined,
  ])[] = [
    ["one that refuses WebSockets", { webSockets: "refuse" }, HTTP_WIRES, "sse"],
    ["one that swallows what is sent on WebSockets", { webSockets: "swallow" }, HTTP_WIRES, "sse"],
    ["one that cuts WebSockets", { webSockets: "cut" }, HTTP_WIRES, "sse"],
    ["one that buffers streams", { buffersAnswers: true }, ["sse", "ndjson", "long-poll"], "long-poll"],
    ["one that does both", { webSockets: "refuse", buffersAnswers: true }, HTTP_WIRES, "long-poll"],
    ["one that cuts everything at random", { cutsWithinBytes: 8000 }, HTTP_WIRES, undefined],
  ];

  it.each(cases)("loses and repeats nothing behind %s", async (_, hindrances, wires, last) => {
    const proxy = await createHinderingProxy(target.url, hindrances);
    const channel = newChannel();
    const client = open(proxy.url, { transports: wires });
    const subscription = client.subscribe(channel, { after: "earliest" });
    const publisher = open(target.url);
    // Much at once while the way is looked for, and then a little at a time, each when the one before has come.
    await publishAll(publisher, channel, 600);
    const received: unknown[] = [];
    for await (const { data } of subscription) {
      received.push(data);
      if (received.length === 1000) break;
      if (received.length < 600 || received.length % 40 > 0) continue;
      for (const k of upTo(40)) void publisher.publish(channel, { type: "n", data: received.length + k });
    }
    expect(received).toEqual(upTo(1000));
    if (hindrances.cutsWithinBytes !== undefined) expect(subscription.stats.reconnects).toBeGreaterThan(5);
    if (last !== undefined) {
      expect(subscription.transport).toBe(last);
      expect(subscription.stats.fallbacks.map(({ to }) => to).at(-1)).toBe(last);
      // The next one knows what works.
      const next = client.subscribe(channel, { after: "earliest" });
      expect(await take(next, 1)).toEqual([0]);
      expect(next.stats.fallbacks).toEqual([]);
      expect(next.transport).toBe(last);
    }
    for (const one of [client, publisher]) one.close();
    await proxy.stop();
  });

  const gathering: readonly (readonly [string, Hindrances])[] = [
    ["brings nothing", { buffersRest: true }],
    ["brings whole blocks alone", { blockBytes: 16_384 }],
  ];
  it.each(gathering)("leaves a wire that opens and then %s", async (_, hindrances) => {
    const proxy = await createHinderingProxy(target.url, hindrances);
    const channel = newChannel();
    const client = open(proxy.url, { transports: ["sse", "long-poll"] });
    await publishAll(open(target.url), channel, 300);
    const subscription = client.subscribe(channel, { after: "earliest" });
    await subscription.ready;
    expect(subscription.transport).toBe("sse");
    expect(await take(subscription, 300)).toEqual(upTo(300));
    expect(subscription.stats.fallbacks).toMatchObject([
      { to: "long-poll", reason: expect.stringContaining("last") },
    ]);
    client.close();
    await proxy.stop();
  });

  it("climbs back when the way is clear, without losing or repeating anything, and remembers it elsewhere", async () => {
    const proxy = await createHinderingProxy(target.url, { webSockets: "refuse", buffersAnswers: true });
    const kept = new Map<string, string>();
    const storage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    };
    const channel = newChannel();
    const publisher = open(target.url);
    const timing = { ...TIMING, retryUpwardsMs: 200 };
    const client = open(proxy.url, { storage, timing, transports: ["websocket", "long-poll"] });
    const subscription = client.subscribe(channel);
    const climbed = Promise.withResolvers<void>();
    subscription.on("transport", (wire) => {
      if (wire === "websocket" && subscription.stats.fallbacks.length > 1) climbed.resolve();
    });
    const received = take(subscription, 200);
    await subscription.ready;
    expect(kept.size).toBe(1);
    expect([...kept.values()][0]).toContain("websocket");
    await publishAll(publisher, channel, 100);
    proxy.hindrances = {};
    await climbed.promise;
    await publishAll(publisher, channel, 100);
    expect(await received).toEqual([...upTo(100), ...upTo(100)]);
    client.close();
    await proxy.stop();
  });

  it("waits for a server that is away, and does not blame the wire for it", async () => {
    const proxy = await createHinderingProxy(target.url, { isAway: true });
    const channel = newChannel();
    const client = open(proxy.url);
    const subscription = client.subscribe(channel, { after: "earliest" });
    await new Promise<void>((resolve) =>
      subscription.on("state", (state) => state === "offline" && resolve()),
    );
    const publishing = client.publish(channel, { type: "n", data: 0 });
    proxy.hindrances = {};
    expect(await take(subscription, 1)).toEqual([0]);
    expect((await publishing).duplicate).toBe(false);
    expect(subscription.transport).toBe("websocket");
    client.close();
    await proxy.stop();
  });
});

describe("publishing", () => {
  it("keeps the order of calls over a kill -9 of the server, stores each once, and answers each", async () => {
    const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-client-"));
    const environment = { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" };
    let served = await serve({ port: 0, stateDirectory, environment });
    const { port } = served;
    const client = open(served.url);
    const channel = newChannel();
    const subscription = client.subscribe(channel);
    const received = take(subscription, 400);
    await subscription.ready;
    const answers = upTo(200).map((n) => client.publish(channel, { type: "n", data: n }));
    await answers[20];
    const killed = served.kill();
    answers.push(...upTo(200).map((n) => client.publish(channel, { type: "n", data: 200 + n })));
    await killed;
    served = await serve({ port, stateDirectory, environment });
    const published = await Promise.all(answers);
    expect(new Set(published.map(({ sequence }) => sequence)).size).toBe(400);
    expect(await received).toEqual(upTo(400));
    const page = await client.read(channel, { limit: 1000 });
    expect(page.events.map(({ data }) => data)).toEqual(upTo(400));
    client.close();
    await served.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  });

  it("stores once what was stored already when its answer was lost", async () => {
    const proxy = await createHinderingProxy(target.url, { losesAnswers: true });
    const client = open(proxy.url);
    const channel = newChannel();
    await publishAll(client, channel, 120);
    for (const n of upTo(5)) await client.publish(channel, { type: "n", data: 120 + n });
    expect(client.stats.resent).toBeGreaterThan(5);
    const { events } = await open(target.url).read(channel, { limit: 1000 });
    expect(events.map(({ data }) => data)).toEqual(upTo(125));
    await proxy.stop();
  });

  it("refuses one more where the queue is full, and all that wait when it is closed", async () => {
    const client = open("http://127.0.0.1:9", { maxQueuedPublishes: 2 });
    const waiting = [1, 2].map((n) => client.publish("demo/full", { type: "n", data: n }));
    await expect(client.publish("demo/full", { type: "n" })).rejects.toMatchObject({ code: "unavailable" });
    expect(client.stats.queued).toBe(2);
    client.close();
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: "unavailable" });
  });

  it("refuses what is wrong, and only that, of what was published together", async () => {
    const channel = newChannel();
    const client = open(target.url);
    const results = await Promise.allSettled([
      client.publish(channel, { type: "n", data: 1 }),
      client.publish(channel, { type: "everywire.mine" }),
      client.publish(channel, { type: "n", data: "x".repeat(300_000) }),
      client.publish(channel, { type: "n", data: 2 }),
      client.publish("no good", { type: "n" }),
    ]);
    expect(
      results.map((one) => (one.status === "fulfilled" ? one.status : (one.reason as EverywireError).code)),
    ).toEqual(["fulfilled", "invalid_argument", "payload_too_large", "fulfilled", "invalid_argument"]);
    expect((await client.read(channel)).events.map(({ data }) => data)).toEqual([1, 2]);
  });

  it("stores an id once, and waits where it is told to", async () => {
    const limited = await serveTarget({ RATE_LIMITS: "on", PUBLISHES_PER_SECOND: "20" });
    const client = open(limited.url);
    const channel = newChannel();
    const first = await client.publish(channel, { type: "n", id: "once", data: 0 });
    expect(await client.publish(channel, { type: "n", id: "once" })).toEqual({ ...first, duplicate: true });
    const subscription = client.subscribe(channel, { after: "earliest" });
    await subscription.ready;
    // One after the other over the connection, so faster than is allowed.
    for (const n of upTo(40)) await client.publish(channel, { type: "n", data: n + 1 });
    expect(await take(subscription, 41)).toEqual(upTo(41));
    expect(client.stats.resent).toBeGreaterThan(0);
    client.close();
    await limited.stop();
  });

  it("says what is so now: the last of many values is stored, not all of them", async () => {
    const channel = newChannel();
    const client = open(target.url);
    const subscription = client.subscribe(channel, { after: "earliest" });
    for (const n of upTo(500)) client.publishLatest(channel, { type: "position", data: n });
    const data: unknown[] = [];
    for await (const event of subscription) if (data.push(event.data) > 0 && event.data === 499) break;
    expect(data.length).toBeLessThan(250);
  });
});

describe("a subscription", () => {
  it("holds back what nobody takes, and goes on when it is taken", async () => {
    const channel = newChannel();
    await publishAll(open(target.url), channel, 600);
    for (const wire of HTTP_WIRES) {
      const client = open(target.url, { transports: [wire] });
      const subscription = client.subscribe(channel, { after: "earliest", bufferEvents: 50 });
      // What cannot be held back is cut when twice as many wait, and comes back for the rest.
      const isPaused = new Promise<void>((resolve) => {
        subscription.on("state", (state) => state === "paused" && resolve());
      });
      await (wire === "websocket" ? isPaused : subscription.ready);
      expect(await take(subscription, 600)).toEqual(upTo(600));
      client.close();
    }
  });

  it("tells of a gap before any event", async () => {
    const { token } = await target.signIn("root", { roles: ["admin"] });
    const client = open(target.url, { token });
    const channel = newChannel();
    const { sequence } = await client.publish(channel, { type: "n", data: "in an earlier life" });
    const headers = { authorization: `Bearer ${token}` };
    await fetch(`${target.url}/channels/${channel}`, { method: "DELETE", headers });
    await client.publish(channel, { type: "n", data: "in this one" });
    for (const wire of HTTP_WIRES) {
      const subscription = client.subscribe(channel, { after: sequence, transport: wire });
      const gap = new Promise((resolve) => subscription.on("gap", resolve));
      const types: string[] = [];
      for await (const event of subscription) if (types.push(event.type) === 2) break;
      expect(types).toEqual(["everywire.gap", "n"]);
      expect(await gap).toMatchObject({ requested: sequence });
      expect(subscription.stats.gaps).toBe(1);
    }
  });

  it("gives listeners what came before they listened, and its cursor as it goes", async () => {
    const channel = newChannel();
    const client = open(target.url);
    const { sequence } = await client.publish(channel, { type: "n", data: 1 });
    const subscription = client.subscribe(channel, { after: "earliest" });
    await subscription.ready;
    await client.publish(channel, { type: "n", data: 2 });
    const heard = await new Promise<unknown[]>((resolve) => {
      const data: unknown[] = [];
      subscription.on("event", (event) => {
        if (data.length === 0) expect(subscription.cursor >= String(sequence)).toBe(true);
        if (data.push(event.data) === 2) resolve(data);
      });
    });
    expect(heard).toEqual([1, 2]);
    const closing = new AbortController();
    const other = client.subscribe(channel, { signal: closing.signal });
    closing.abort();
    expect(other.state).toBe("closed");
    expect(await other[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });
});

describe("presence and chat", () => {
  it("tells who is there, who comes and who goes, and takes no event away from who reads", async () => {
    const room = randomUUID();
    const as = async (name: string) => open(target.url, { token: (await target.signIn(name)).token });
    const [alice, bob] = [await as("alice"), await as("bob")];
    const hers = joinRoom(alice, room);
    await hers.ready;
    const seen: string[] = [];
    const isAlone = new Promise<void>((resolve) => {
      hers.on("members", (members) => {
        seen.push(
          members
            .map(({ id }) => id)
            .sort()
            .join(),
        );
        if (seen.at(-1) === "alice" && seen.includes("alice,bob")) resolve();
      });
    });
    await hers.send("hello?");
    const his = joinRoom(bob, room);
    await his.ready;
    his.startTyping();
    await his.send("hi");
    // Both are there before she listens, and she misses neither.
    const messages = await new Promise<string[]>((resolve) => {
      const texts: string[] = [];
      hers.on("message", ({ from, text }) => texts.push(`${from}: ${text}`) === 2 && resolve(texts));
    });
    expect(messages).toEqual(["alice: hello?", "bob: hi"]);
    const typing = new Promise<readonly string[]>((resolve) => his.on("typing", resolve));
    his.on("message", () => {});
    hers.startTyping();
    expect(await typing).toEqual(["alice"]);
    await expect.poll(() => seen).toContain("alice,bob");
    his.leave();
    await isAlone;
    hers.leave();
  });
});

describe("a channel with a schema", () => {
  const schema = {
    "temperature.read": z.object({ celsius: z.number() }),
    "alarm.raised": z.object({ reason: z.string().min(1) }).transform(async (data) => data),
  };

  it("lets neither in nor out what is invalid, and says so", async () => {
    const name = newChannel();
    const client = open(target.url);
    const channel = client.channel(name, { schema });
    expectTypeOf(channel.publish).parameter(0).toHaveProperty("type");
    await channel.publish({ type: "temperature.read", data: { celsius: 20 } });
    const wrong = channel.publish({ type: "temperature.read", data: { celsius: "hot" } as never });
    await expect(wrong).rejects.toMatchObject({
      code: "validation_failed",
      details: { "data.celsius": expect.any(Array) },
    });
    await expect(channel.publish({ type: "nonsense" as never })).rejects.toMatchObject({
      code: "validation_failed",
    });
    await client.publish(name, { type: "temperature.read", data: { celsius: "cold" } });
    await client.publish(name, { type: "another.type", data: 1 });
    await channel.publish({ type: "alarm.raised", data: { reason: "smoke" } });
    await client.publish(name, { type: "temperature.read", data: { celsius: 21 } });
    const subscription = channel.subscribe({ after: "earliest" });
    const errors: string[] = [];
    subscription.on("error", ({ code }) => errors.push(code));
    const data: unknown[] = [];
    for await (const event of subscription) {
      if (event.type === "temperature.read") expectTypeOf(event.data).toEqualTypeOf<{ celsius: number }>();
      if (data.push(event.data) === 3) break;
    }
    expect(data).toEqual([{ celsius: 20 }, { reason: "smoke" }, { celsius: 21 }]);
    expect(errors).toEqual(["validation_failed"]);
    expect(subscription.stats.refused).toBe(2);
    expect((await channel.read()).events).toHaveLength(3);
  });
});
