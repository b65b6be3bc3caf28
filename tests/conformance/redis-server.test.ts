import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ChannelName } from "../../core/channel-name.ts";
import type { Product } from "../../core/entities/product.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { toRecordEvent } from "../../core/operations/record-events.ts";
import { createRedisClient } from "../../services/redis-client.ts";
import { createRedisRecords } from "../../services/redis-records.ts";
import { noQueue } from "../no-queue.ts";
import type { TestRedis } from "../redis.ts";
import { startRedis, whyNoRedis } from "../redis.ts";
import type { Target } from "./door-driver.ts";
import { toHeaders } from "./http-exchange.ts";
import { MemoryChannels } from "./memory-channels.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const missing = await whyNoRedis();

describe.skipIf(missing !== undefined)("a server with Redis", () => {
  let redis: TestRedis;
  let server: ServedTarget;
  let admin: Target;
  beforeAll(async () => {
    redis = await startRedis();
    // Orders that go on would have this server carry what the other one is to be seen carrying.
    server = await serveTarget({ ...redis.environment, ORDER_STEP_SECONDS: "3600" });
    admin = await server.signIn("root", { roles: ["admin"] });
  });
  afterAll(async () => {
    await server.stop();
    await redis.stop();
  });

  const call = (path: string, body?: object, target = admin) =>
    fetch(`${server.url}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: toHeaders(target, { "content-type": "application/json" }),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const idsIn = async (channel: string) => {
    const answer = await call(`/channels/${channel}?after=earliest&limit=1000`);
    const { events } = (await answer.json()) as { events: { data: { id: string } }[] };
    return events.map(({ data }) => data.id);
  };
  const createProduct = async (stock: number) => {
    const answer = await call("/api/v1/products", { name: "P", category: "c", price: 1, stock });
    expect(answer.status).toBe(201);
    return ((await answer.json()) as { id: string }).id;
  };

  it("says in /ready which store it uses", async () => {
    const answer = await fetch(`${server.url}/ready`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ store: "upstash-redis", dependencies: { records: "ok" } });
  });

  it("sells the last 50 to 200 who come at once, each event once", async () => {
    const productId = await createProduct(50);
    const body = { items: [{ productId, quantity: 1 }] };
    const answers = await Promise.all(Array.from({ length: 200 }, () => call("/api/v1/orders", body)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(50);
    expect(statuses.filter((status) => status === 409)).toHaveLength(150);
    const product = (await (await call(`/api/v1/products/${productId}`)).json()) as { stock: number };
    expect(product.stock).toBe(0);
    // The product was created, and sold 50 times; its stock goes down by one in each event.
    const answer = await call("/channels/products?after=earliest&limit=1000");
    const { events } = (await answer.json()) as { events: { data: { id: string; stock: number } }[] };
    const stocks = events.filter(({ data }) => data.id === productId).map(({ data }) => data.stock);
    expect(stocks).toEqual(Array.from({ length: 51 }, (_, n) => 50 - n));
  });

  it("carries what a crash left behind, at the first request of an isolate", async () => {
    const channels = new MemoryChannels();
    channels.onAppend = () => {
      throw new Error("the process died here");
    };
    const client = createRedisClient({ url: redis.url, token: redis.token, deadlineMs: 5000 });
    const dying = createRedisRecords(
      client,
      { channels, queue: noQueue, waitUntil: () => {} },
      DEFAULT_LIMITS,
    );
    const values = ["a", "b"].map((id): Product => {
      const createdAt = new Date().toISOString();
      return { id: `crash_${id}`, name: id, category: "c", price: 1, stock: 1, createdAt };
    });
    for (const value of values) {
      const events = [
        toRecordEvent({ nowMs: Date.now(), limits: DEFAULT_LIMITS }, "products", "created", value),
      ];
      const channel = "crash" as ChannelName;
      const moved = events.map((event) => ({ ...event, channel }));
      await dying.records.insert({ collection: "products", value, events: moved, idempotency: undefined });
    }
    expect(await idsIn("crash")).toEqual([]);
    // What is due in seconds is made due now.
    await redis.command("ZADD", "{everywire}:lanes", "XX", "0", "c:crash");
    const other = await serveTarget(redis.environment);
    try {
      // Another server has channels of its own, so this tells that its first request looks.
      await fetch(`${other.url}/ready`);
      const reader = await other.signIn("root", { roles: ["admin"] });
      await expect
        .poll(async () => {
          const headers = toHeaders(reader);
          const answer = await fetch(`${other.url}/channels/crash?after=earliest`, { headers });
          const { events } = (await answer.json()) as { events: { data: { id: string } }[] };
          return events.map(({ data }) => data.id);
        })
        .toEqual(values.map(({ id }) => id));
      await expect.poll(() => redis.command("ZCARD", "{everywire}:lanes")).toBe(":0");
    } finally {
      await other.stop();
    }
  });

  it("shares the rate of an identity between servers, and refuses in the wire's own way", async () => {
    const environment = { ...redis.environment, RATE_LIMITS: "on", REQUESTS_PER_SECOND: "20" };
    const servers = [await serveTarget(environment), await serveTarget(environment)];
    try {
      const targets = await Promise.all(servers.map((each) => each.signIn("greedy")));
      const answers = await Promise.all(
        Array.from({ length: 60 }, (_, n) => {
          const headers = { authorization: `Bearer ${targets[n % 2]?.token}` };
          return fetch(`${servers[n % 2]?.url}/api/v1/products`, { headers });
        }),
      );
      const allowed = answers.filter(({ status }) => status === 200).length;
      // Each by itself would let 20 pass: 40. What refills meanwhile is more than the 20 of a full bucket.
      expect(allowed).toBeGreaterThanOrEqual(20);
      expect(allowed).toBeLessThan(38);
      const refused = answers.find(({ status }) => status === 429);
      expect(refused?.headers.get("retry-after")).toBe("1");
      expect(refused?.headers.get("ratelimit")).toContain("r=0");
    } finally {
      await Promise.all(servers.map((each) => each.stop()));
    }
  });

  it("without Redis answers 503 for records, lets all else pass, and goes on when it is back", async () => {
    const limited = await serveTarget({ ...redis.environment, RATE_LIMITS: "on" });
    try {
      const reader = await limited.signIn("ada");
      const headers = toHeaders(reader);
      expect((await fetch(`${limited.url}/api/v1/products`, { headers })).status).toBe(200);
      await redis.closeBridge();
      const answer = await fetch(`${limited.url}/api/v1/products`, { headers });
      expect(answer.status).toBe(503);
      const { error } = (await answer.json()) as { error: { code: string; message: string } };
      expect(error.code).toBe("unavailable");
      expect(error.message).not.toMatch(/redis|fetch|127/i);
      expect((await fetch(`${limited.url}/channels/rooms/x`, { headers })).status).toBe(200);
      expect((await fetch(`${limited.url}/ready`)).status).toBe(503);
      await redis.openBridge();
      expect((await fetch(`${limited.url}/api/v1/products`, { headers })).status).toBe(200);
    } finally {
      await redis.openBridge().catch(() => {});
      await limited.stop();
    }
  });
});
