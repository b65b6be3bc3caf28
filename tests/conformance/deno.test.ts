import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Channels } from "../../core/ports.ts";
import { parseSettings } from "../../core/settings.ts";
import { doors } from "../../functions/routes-deno.ts";
import { createDenoSockets } from "../../services/deno-sockets.ts";
import { createRedisChannels } from "../../services/redis-channels.ts";
import { createRedisClient } from "../../services/redis-client.ts";
import { describeChannels } from "../channels-contract.ts";
import type { TestRedis } from "../redis.ts";
import { startRedis, whyNoRedis } from "../redis.ts";
import { http } from "./doors/http.ts";
import { sse } from "./doors/sse.ts";
import { connect } from "./doors/websocket.ts";
import { serveDenoTarget } from "./serve-deno-target.ts";
import type { ServedTarget } from "./serve-target.ts";

const missing = await whyNoRedis();

describe.skipIf(missing !== undefined)("on an edge without Durable Objects", () => {
  let redis: TestRedis;
  let channels: Channels;
  beforeAll(async () => {
    redis = await startRedis();
    const client = createRedisClient({ url: redis.url, token: redis.token, deadlineMs: 5000 });
    channels = createRedisChannels(client, {
      settings: parseSettings({}),
      sockets: createDenoSockets(),
      waitUntil: () => {},
    });
  });
  afterAll(() => redis.stop());

  describe("channels in Redis", () => {
    describeChannels(() => channels);
  });

  describe("two processes of Deno over one Redis", () => {
    let servers: readonly ServedTarget[];
    const at = (index: number): ServedTarget => {
      const server = servers[index];
      if (server === undefined) throw new Error("There are two.");
      return server;
    };
    beforeAll(async () => {
      const environment = { ...redis.environment, JWT_SECRET: "a secret of both, long enough for a token" };
      servers = await Promise.all([serveDenoTarget(environment), serveDenoTarget(environment)]);
    });
    afterAll(() => Promise.all(servers.map((server) => server.stop())));

    it("see each other's events, in one order", async () => {
      const channel = `demo/${randomUUID()}`;
      const readers = await Promise.all(servers.map((server) => sse.read?.(server, channel)));
      const sent: string[] = [];
      for (let n = 0; n < 6; n += 1) {
        const receipt = await http.publish?.(at(n % 2), channel, { type: "t", data: n });
        sent.push(String(receipt?.sequence));
      }
      for (const reader of readers) {
        const received = [];
        for (let n = 0; n < 6; n += 1) received.push((await reader?.next())?.sequence);
        expect(received).toEqual(sent);
        await reader?.cut();
      }
    });

    it("know each other's members, and a repeat of each other's publishes", async () => {
      const channel = "rooms/two";
      const [alice, bob] = await Promise.all([at(0).signIn("alice"), at(1).signIn("bob")]);
      const hers = await connect(alice, channel);
      const his = await connect(bob, channel);
      expect((await hers.events.next()).event).toMatchObject({ type: "presence.join", data: { id: "bob" } });
      const event = { type: "t", id: randomUUID(), source: "/test", data: 1 };
      const first = await http.publish?.(alice, channel, event);
      expect(await http.publish?.(bob, channel, event)).toEqual({ ...first, duplicate: true });
      his.socket.terminate();
      expect((await hers.events.next()).event.type).toBe("t");
      expect((await hers.events.next()).event).toMatchObject({ type: "presence.leave", data: { id: "bob" } });
      hers.socket.terminate();
    });

    it("name what is there and nothing else", async () => {
      const answer = await fetch(`${at(0).url}/capabilities`);
      const told = (await answer.json()) as { doors: { name: string }[] };
      const claimed = doors.filter(({ guarantees }) => guarantees !== undefined).map(({ name }) => name);
      expect(told.doors.map(({ name }) => name)).toEqual(claimed);
      for (const path of ["/mqtt", "/tcp", "/v1/stream/demo/a", "/webhooks/endpoints"]) {
        expect((await fetch(`${at(0).url}${path}`)).status, path).toBe(404);
      }
    });
  });
});
