import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { Product } from "../../core/entities/product.ts";
import { EverywireError } from "../../core/error.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { toRecordEvent } from "../../core/operations/record-events.ts";
import type { RequestRates } from "../../core/ports.ts";
import type { QueuedJob } from "../../core/queue.ts";
import { IDEMPOTENCY_WINDOW_MS } from "../../core/record-rules.ts";
import type { RedisClient } from "../../services/redis-client.ts";
import { createRedisClient } from "../../services/redis-client.ts";
import { createRedisRequestRates } from "../../services/redis-rates.ts";
import { createRedisRecords } from "../../services/redis-records.ts";
import { noQueue } from "../no-queue.ts";
import type { TestRedis } from "../redis.ts";
import { startRedis, whyNoRedis } from "../redis.ts";
import { MemoryChannels } from "./memory-channels.ts";

const missing = await whyNoRedis();
const LANES = "{everywire}:lanes";

describe.skipIf(missing !== undefined)("in Redis", () => {
  let redis: TestRedis;
  let channels: MemoryChannels;
  let background: Promise<void>[];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.clear();
    channels = new MemoryChannels();
    background = [];
  });

  const client = (deadlineMs = 5000) => createRedisClient({ url: redis.url, token: redis.token, deadlineMs });
  /** What one isolate has. */
  const open = (more: Partial<Parameters<typeof createRedisRecords>[1]> = {}, over: RedisClient = client()) =>
    createRedisRecords(
      over,
      {
        channels,
        queue: noQueue,
        waitUntil: (work: Promise<void>) => void background.push(work),
        ...more,
      },
      DEFAULT_LIMITS,
    );
  const product = (id: string, stock = 1): Product => ({
    id,
    name: id,
    category: "c",
    price: 1,
    stock,
    createdAt: "2026-01-01T00:00:00.000Z",
  });
  const insertion = (value: Product, channel = "log") => {
    const event = toRecordEvent({ nowMs: Date.now(), limits: DEFAULT_LIMITS }, "products", "created", value);
    const events = [{ ...event, channel: channel as ChannelName }];
    return { collection: "products", value, events, idempotency: undefined } as const;
  };
  /** Makes what is due later due now, as if that time had passed. */
  const letTimePass = async (...lanes: readonly string[]) => {
    for (const lane of lanes) await redis.command("ZADD", LANES, "XX", "0", lane);
  };

  describe("the outbox", () => {
    it("keeps order and doubles nothing, whichever isolates carry a lane at once and fail", async () => {
      const isolates = [open(), open(), open(), open()];
      let appends = 0;
      channels.onAppend = async () => {
        appends += 1;
        if (appends % 7 === 0) throw new EverywireError("unavailable", "Not now.");
        await sleep((appends * 13) % 5);
      };
      const committed: string[] = [];
      await Promise.all(
        Array.from({ length: 120 }, async (_, n) => {
          await isolates[n % 4]?.records.insert(insertion(product(`p${n}`)));
          if (n % 10 === 0) await isolates[(n + 1) % 4]?.rescue();
        }),
      );
      const order = await isolates[0]?.records.list("products", {
        filters: [],
        sort: [],
        window: { kind: "page", page: 1, perPage: 200 },
      });
      for (const { value } of order?.records ?? []) committed.push(value.id);
      channels.onAppend = () => {};
      await letTimePass("c:log");
      await isolates[2]?.rescue();
      // Written in this order, one script after the other, and carried in it.
      expect(channels.idsIn("log")).toEqual(committed);
      await Promise.all(background);
      expect(await redis.command("ZCARD", LANES)).toBe(":0");
      expect(await redis.command("EXISTS", "{everywire}:o:c:log", "{everywire}:tries")).toBe(":0");
    });

    it("repeats nothing where the crash came after delivery, before the note of it", async () => {
      const real = client();
      const dying: RedisClient = {
        command: real.command,
        script(text) {
          const run = real.script(text);
          // The script that takes out what was carried is the only one that trims.
          return text.includes("LTRIM") ? () => Promise.reject(new Error("died")) : run;
        },
      };
      await open({}, dying).records.insert(insertion(product("a")));
      expect(channels.idsIn("log")).toEqual(["a"]);
      expect(await redis.command("LLEN", "{everywire}:o:c:log")).toBe(":1");
      await open().records.insert(insertion(product("b")));
      expect(channels.idsIn("log")).toEqual(["a", "b"]);
      await Promise.allSettled(background);
      expect(await redis.command("EXISTS", "{everywire}:o:c:log")).toBe(":0");
    });

    it("a channel that cannot be reached holds up no other, and is tried again later each time", async () => {
      channels.onAppend = (channel) => {
        if (channel === "stuck") throw new Error("unreachable");
      };
      const { records, rescue } = open();
      await records.insert(insertion(product("a"), "stuck"));
      await records.insert(insertion(product("b"), "fine"));
      expect(channels.idsIn("fine")).toEqual(["b"]);
      const dueIn = async () =>
        Number((await redis.command("ZSCORE", LANES, "c:stuck")).split("\r\n")[1]) - Date.now();
      const first = await dueIn();
      expect(first).toBeGreaterThan(0);
      await rescue();
      expect(await redis.command("HGET", "{everywire}:tries", "c:stuck")).toBe("$1\r\n1");
      await letTimePass("c:stuck");
      await rescue();
      expect(await redis.command("HGET", "{everywire}:tries", "c:stuck")).toBe("$1\r\n2");
      expect(await dueIn()).toBeGreaterThan(first);
      channels.onAppend = () => {};
      await records.insert(insertion(product("c"), "stuck"));
      expect(channels.idsIn("stuck")).toEqual(["a", "c"]);
    });

    it("a write does not wait for a slow channel for longer than two seconds, and looks after others' lanes", async () => {
      channels.onAppend = (channel) => (channel === "slow" ? new Promise(() => {}) : undefined);
      const startedMs = Date.now();
      await open().records.insert(insertion(product("a"), "slow"));
      expect(Date.now() - startedMs).toBeGreaterThan(1900);
      expect(Date.now() - startedMs).toBeLessThan(4000);
      channels.onAppend = () => {};
      const isolate = open();
      await isolate.records.get("products", "a");
      await letTimePass("c:slow");
      await isolate.records.insert(insertion(product("b"), "other"));
      await expect.poll(() => channels.idsIn("slow")).toEqual(["a"]);
    });

    it("sends jobs to the queue, each for itself, and again where it was refused", async () => {
      const sent: QueuedJob[] = [];
      const refused = new Set(["2"]);
      const queue = {
        async sendJob(job: QueuedJob) {
          if (refused.has(job.body)) throw new EverywireError("unavailable", "The queue is full.");
          sent.push(job);
        },
      };
      const job = (body: string) =>
        ({ name: "advance-order", body, delaySeconds: 5, deduplicationId: `d\n${body}` }) as const;
      const { records, rescue } = open({ queue });
      await records.insert(insertion(product("a")));
      const update = { collection: "products", value: product("a", 2), ifVersion: 1, events: [] } as const;
      expect(await records.update({ ...update, jobs: ["1", "2", "3"].map(job) })).toBe("done");
      expect(sent).toEqual(["1", "3"].map(job));
      // A write that changes nothing sends nothing.
      expect(await records.update({ ...update, jobs: [job("4")] })).toBe("conflict");
      refused.clear();
      await letTimePass("jobs");
      await rescue();
      expect(sent.map(({ body }) => body)).toEqual(["1", "3", "2"]);
      expect(await redis.command("EXISTS", "{everywire}:o:jobs", LANES)).toBe(":0");
    });
  });

  describe("orders", () => {
    it("pass over one that died at the head of the queue", async () => {
      const { records } = open();
      await records.insert(insertion(product("p", 3)));
      await redis.command("ZADD", "{everywire}:t:p", "1", "dead");
      await redis.command("SET", "{everywire}:l:p", "dead", "PX", "700");
      const startedMs = Date.now();
      await Promise.all(
        ["o1", "o2"].map((orderId) =>
          records.placeOrder({
            orderId,
            userId: "u",
            items: [{ productId: "p", quantity: 1 }],
            nowMs: startedMs,
            idempotency: undefined,
          }),
        ),
      );
      expect(Date.now() - startedMs).toBeGreaterThan(600);
      expect((await records.get("products", "p"))?.value.stock).toBe(1);
      expect(await redis.command("EXISTS", "{everywire}:t:p", "{everywire}:l:p")).toBe(":0");
    });
  });

  describe("keys", () => {
    it("end by themselves where they should", async () => {
      const { records } = open();
      const idempotency = { key: "k", fingerprint: "f" };
      await records.insert({ ...insertion(product("a")), idempotency });
      const leftMs = Number((await redis.command("PTTL", "{everywire}:i:k")).slice(1));
      expect(leftMs).toBeGreaterThan(IDEMPOTENCY_WINDOW_MS - 60_000);
      expect(leftMs).toBeLessThanOrEqual(IDEMPOTENCY_WINDOW_MS);
      const bytes = new Uint8Array(700_000);
      const info = { contentType: "x/y", sizeBytes: bytes.length, sha256: "", savedAt: "" };
      const partOf = async () => {
        const [, generation = ""] = (await redis.command("HGET", "{everywire}:f:f", "generation")).split(
          "\r\n",
        );
        return `{everywire}:g:${generation}:0`;
      };
      await records.saveFile({ name: "f", info, bytes, events: [] });
      const part = await partOf();
      expect(await redis.command("TTL", part)).toBe(":-1");
      await records.saveFile({ name: "f", info, bytes, events: [] });
      expect(Number((await redis.command("TTL", part)).slice(1))).toBeGreaterThan(30);
      expect(await redis.command("TTL", await partOf())).toBe(":-1");
    });

    it("are all gone when all records are, but for counters", async () => {
      const { records } = open();
      await records.insert(insertion(product("a")));
      const value = { ...product("a"), name: "b", category: "d" };
      await records.update({ collection: "products", value, ifVersion: 1, events: [] });
      await records.remove({ collection: "products", id: "a", ifVersion: 2, events: [] });
      await Promise.all(background);
      const keys = (await redis.command("KEYS", "{everywire}*"))
        .split("\r\n")
        .filter((line) => line.startsWith("{"));
      expect(keys.sort()).toEqual(["{everywire}:p:products", "{everywire}:q"]);
    });

    it("no request is larger than the smallest that Upstash takes, and scripts are sent once", async () => {
      const sizes: number[] = [];
      const original = globalThis.fetch;
      globalThis.fetch = (input, init) => {
        sizes.push(Buffer.byteLength(String(init?.body ?? "")));
        return original(input, init);
      };
      try {
        await redis.command("SCRIPT", "FLUSH");
        const { records } = open();
        const content = '"\u0001é'.repeat(16_000);
        const createdAt = "2026-01-01T00:00:00.000Z";
        const value = { id: "post", title: "t", content, authorId: "a", createdAt };
        const context = { nowMs: Date.now(), limits: DEFAULT_LIMITS };
        const events = [toRecordEvent(context, "posts", "created", value)];
        await records.insert({ collection: "posts", value, events, idempotency: undefined });
        const bytes = new Uint8Array(2_000_000);
        const info = { contentType: "x/y", sizeBytes: bytes.length, sha256: "", savedAt: "" };
        await records.saveFile({ name: "f", info, bytes, events: [] });
        expect(Math.max(...sizes)).toBeLessThan(1_000_000);
        await Promise.all(background);
        sizes.length = 0;
        await records.insert(insertion(product("a")));
        await Promise.all(background);
        // The write, and the note that its event was carried.
        expect(sizes).toHaveLength(2);
        expect(Math.max(...sizes)).toBeLessThan(2000);
      } finally {
        globalThis.fetch = original;
      }
    });
  });

  describe("the rates of requests", () => {
    const taken = async (rates: RequestRates, nowMs: number, perSecond = 4) => {
      try {
        await rates.take("user:ada", perSecond, nowMs);
        return "ok";
      } catch (thrown) {
        return EverywireError.from(thrown).retryAfterMs;
      }
    };

    it("are one bucket for all isolates, which fills again", async () => {
      const [one, two] = [createRedisRequestRates(client()), createRedisRequestRates(client())];
      const nowMs = 1_000_000;
      for (const rates of [one, two, one, two]) expect(await taken(rates, nowMs)).toBe("ok");
      expect(await taken(one, nowMs)).toBe(250);
      expect(await taken(two, nowMs + 100)).toBe(150);
      // Known to be refused until then, without asking.
      expect(await taken(two, nowMs + 200)).toBe(50);
      expect(await taken(two, nowMs + 250)).toBe("ok");
      // A clock that is behind neither gains nor takes anything.
      expect(await taken(one, nowMs + 249)).toBeGreaterThan(0);
      expect(await taken(two, nowMs + 1250)).toBe("ok");
      expect(Number((await redis.command("PTTL", "{everywire}:rate:user:ada")).slice(1))).toBeGreaterThan(0);
    });

    it("are counted in the isolate where Redis is gone", async () => {
      const nowhere = createRedisClient({ url: "http://127.0.0.1:1", token: "x", deadlineMs: 500 });
      const rates = createRedisRequestRates(nowhere);
      expect(await taken(rates, 0, 2)).toBe("ok");
      expect(await taken(rates, 0, 2)).toBe("ok");
      expect(await taken(rates, 0, 2)).toBe(500);
    });
  });
});
