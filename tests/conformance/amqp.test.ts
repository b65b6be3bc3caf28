import { execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { ConsumeMessage, Options } from "amqplib";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { Broker } from "./broker.ts";
import { connectBroker, whyNoBroker } from "./broker.ts";
import type { CuttableProxy } from "./cuttable-proxy.ts";
import { createCuttableProxy } from "./cuttable-proxy.ts";
import { orSkipped, PYTHON, whyNoModule } from "./missing.ts";
import { Received } from "./received-events.ts";

const why = await whyNoBroker();
const whyNoPika = await whyNoModule("pika");

describe.skipIf(why !== undefined)(orSkipped("AMQP 0-9-1", why), () => {
  let stateDirectory: string;
  let served: Served;
  let broker: Broker;
  let proxy: CuttableProxy;
  let gateway: RunningGateway;
  let token: string;

  const startBridge = () => {
    const url = new URL(broker.url);
    url.port = new URL(proxy.url).port;
    const environment = {
      AMQP_URL: url.href,
      AMQP_PREFIX: broker.prefix,
      AMQP_CHANNELS: "demo/**",
      AMQP_RETRIES_MS: "200",
      GATEWAY_TOKEN: token,
    };
    return startGateway({ url: served.url, stateDirectory, environment });
  };
  const health = async () =>
    (await (await fetch(`http://127.0.0.1:${gateway.ports.GATEWAY_HEALTH_PORT}/health`)).json()) as {
      amqp: { status: string };
    };
  const untilUp = () =>
    vi.waitFor(async () => expect((await health()).amqp.status).toBe("ok"), { timeout: 10_000 });

  beforeAll(async () => {
    await buildIfStale();
    stateDirectory = await mkdtemp(join(tmpdir(), "everywire-amqp-"));
    const environment = { DEV_AUTH: "true", RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" };
    served = await serve({ port: 0, stateDirectory, environment });
    const answer = await fetch(`${served.url}/auth/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "bridge" }),
    });
    ({ token } = (await answer.json()) as { token: string });
    broker = await connectBroker();
    const { hostname, port } = new URL(broker.url);
    proxy = await createCuttableProxy(`http://${hostname}:${port || 5672}`);
    gateway = await startBridge();
    await untilUp();
  }, 60_000);
  afterAll(async () => {
    await gateway?.stop();
    await proxy?.stop();
    await broker?.stop();
    await served?.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  }, 30_000);

  const range = (count: number) => Array.from({ length: count }, (_, n) => n);
  const newChannel = () => `demo/${randomUUID()}`;
  const publish = async (channel: string, event: object | readonly object[]) => {
    const response = await fetch(`${served.url}/channels/${channel}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(event),
    });
    expect(response.status).toBe(201);
    return (await response.json()) as { id: string; sequence: string };
  };
  const readAll = async (channel: string) => {
    const response = await fetch(`${served.url}/channels/${channel}?after=earliest&limit=1000`);
    return ((await response.json()) as { events: Record<string, unknown>[] }).events;
  };
  const send = (exchange: string, key: string, body: string | Buffer, options: Options.Publish = {}) =>
    new Promise<void>((resolve, reject) => {
      broker.channel.publish(exchange, key, Buffer.from(body), options, (error: unknown) =>
        error ? reject(error) : resolve(),
      );
    });
  const sendIn = (channel: string, body: string | Buffer, options: Options.Publish = {}) =>
    send(`${broker.prefix}.in`, channel.replaceAll("/", "."), body, options);
  const json = { contentType: "application/json" } as const;

  describe("events out", () => {
    it("are messages of the CloudEvents binding, with the cursor, under the channel's name", async () => {
      const channel = `demo/v1.2/${randomUUID()}`;
      const key = channel.replaceAll(".", "%2E").replaceAll("/", ".");
      const received = await broker.listen(broker.prefix, key);
      const first = await publish(channel, {
        type: "greeting",
        source: "/test",
        data: { text: "grüße" },
        myext: "x",
      });
      const message = await received.next();
      expect(message.fields.routingKey).toBe(key);
      expect(message.properties).toMatchObject({
        messageId: first.id,
        type: "greeting",
        contentType: "application/json",
        deliveryMode: 2,
        headers: {
          "cloudEvents:specversion": "1.0",
          "cloudEvents:id": first.id,
          "cloudEvents:source": "/test",
          "cloudEvents:type": "greeting",
          "cloudEvents:subject": channel,
          "cloudEvents:sequence": first.sequence,
          "cloudEvents:myext": "x",
        },
      });
      expect(JSON.parse(message.content.toString())).toEqual({ text: "grüße" });
      const bytes = Buffer.from([0, 255, 10]);
      await publish(channel, { type: "bytes", data_base64: bytes.toString("base64") });
      expect((await received.next()).content).toEqual(bytes);
    });

    it("have a key also where the name of the channel is too long for one", async () => {
      const channel = `demo/${[1, 2, 3, 4, 5].map((n) => String(n).repeat(64)).join("/")}`;
      const received = await broker.listen(broker.prefix, "demo.#");
      await publish(channel, { type: "long" });
      const find = async () => {
        for (;;) {
          const message = await received.next();
          if (message.properties.type === "long") return message;
        }
      };
      const { fields, properties } = await find();
      expect(fields.routingKey.endsWith(".%")).toBe(true);
      expect(properties.headers?.["cloudEvents:subject"]).toBe(channel);
    });

    it("are whole events where their attributes are too large to be headers", async () => {
      const channel = newChannel();
      const received = await broker.listen(broker.prefix, channel.replaceAll("/", "."));
      const attributes = Object.fromEntries(range(32).map((n) => [`x${n}`, "€".repeat(1024)]));
      const { id, sequence } = await publish(channel, { type: "large", data: 1, ...attributes });
      await publish(channel, { type: "next" });
      const { properties, content } = await received.next();
      expect(properties).toMatchObject({
        messageId: id,
        contentType: "application/cloudevents+json; charset=utf-8",
      });
      expect(JSON.parse(content.toString())).toMatchObject({ id, sequence, data: 1, ...attributes });
      expect((await received.next()).properties.type).toBe("next");
    });

    it("are only those of the channels that were chosen", async () => {
      const received = await broker.listen(broker.prefix, "#");
      const response = await fetch(`${served.url}/channels/rooms/private`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ type: "secret" }),
      });
      expect(response.status).toBe(201);
      const { id } = await publish(newChannel(), { type: "open" });
      for (;;) {
        const message = await received.next();
        expect(message.properties.type).not.toBe("secret");
        if (message.properties.messageId === id) break;
      }
    });
  });

  describe("messages in", () => {
    it("are events, once each, whatever the broker repeats", async () => {
      const channel = newChannel();
      const id = randomUUID();
      for (let n = 0; n < 3; n += 1)
        await sendIn(channel, '{"n":1}', { ...json, messageId: id, type: "reading" });
      await sendIn(channel, "text", { contentType: "text/plain", messageId: "second" });
      await sendIn(channel, Buffer.from([0, 255]), { messageId: "third" });
      await expect.poll(() => readAll(channel)).toHaveLength(3);
      const events = await readAll(channel);
      expect(new Set(events.map((event) => event.id))).toEqual(new Set([id, "second", "third"]));
      expect(events.find((event) => event.id === id)).toMatchObject({ type: "reading", data: { n: 1 } });
      expect(events.find((event) => event.id === "second")).toMatchObject({
        data: "text",
        type: "amqp.message",
      });
      expect(events.find((event) => event.id === "third")).toMatchObject({ data_base64: "AP8=" });
    });

    it("may be CloudEvents, in binary and in structured mode, and name their channel themselves", async () => {
      const channel = newChannel();
      const headers = {
        "cloudEvents:id": "binary",
        "cloudEvents:source": "/elsewhere",
        "cloudEvents:type": "binary.mode",
        "cloudEvents:subject": channel,
        "cloudEvents:extra": "kept",
      };
      await send("", `${broker.prefix}.in`, "1", { ...json, headers });
      const event = {
        specversion: "1.0",
        id: "structured",
        source: "/elsewhere",
        type: "structured.mode",
        data: 2,
      };
      await sendIn(channel, JSON.stringify(event), {
        contentType: "application/cloudevents+json; charset=utf-8",
      });
      await expect.poll(() => readAll(channel)).toHaveLength(2);
      const events = await readAll(channel);
      expect(events.find(({ id }) => id === "binary")).toMatchObject({
        source: "/elsewhere",
        type: "binary.mode",
        data: 1,
        extra: "kept",
      });
      expect(events.find(({ id }) => id === "structured")).toMatchObject(event);
    });

    it("go out again once, and never in again", async () => {
      const channel = newChannel();
      const received = await broker.listen(broker.prefix, channel.replaceAll("/", "."));
      // The worst that somebody can do: everything that goes out comes in.
      await broker.channel.bindExchange(`${broker.prefix}.in`, broker.prefix, "#");
      try {
        await sendIn(channel, "1", { ...json, messageId: "one" });
        expect((await received.next()).properties.messageId).toBe("one");
        await publish(channel, { type: "t", id: "two", data: 2 });
        expect((await received.next()).properties.messageId).toBe("two");
        await expect(received.next(700)).rejects.toThrow(/Nothing came/);
        expect(await readAll(channel)).toHaveLength(2);
      } finally {
        await broker.channel.unbindExchange(`${broker.prefix}.in`, broker.prefix, "#");
      }
    });

    it.each([
      ["a key that is no channel", "demo..x!", "1", json],
      ["what is not the JSON that it says", "demo.ok", "{", json],
      ["a type that is the log's own", "demo.ok", "1", { ...json, type: "everywire.gap" }],
      ["a channel that may not be written", "news", "1", json],
      ["an event that is too large", "demo.ok", `"${"x".repeat(300_000)}"`, json],
    ])("end in the dead-letter queue, with the reason: %s", async (_name, key, body, options) => {
      const dead = await broker.listen(`${broker.prefix}.dead`, "#");
      await send(`${broker.prefix}.in`, key, body, { ...options, messageId: randomUUID() });
      const { properties, fields, content } = await dead.next();
      expect(fields.routingKey).toBe(key);
      expect(content.toString()).toBe(body);
      expect(properties.headers?.["x-everywire-reason"]).toMatch(
        /^(invalid_argument|permission_denied|payload_too_large): ./,
      );
    });
  });

  describe("calls", () => {
    const call = async (request: string, options: Options.Publish = {}) => {
      const { queue } = await broker.channel.assertQueue("", { exclusive: true });
      const answered = new Promise<ConsumeMessage>((resolve) => {
        void broker.channel.consume(queue, (message) => message && resolve(message), { noAck: true });
      });
      await send("", `${broker.prefix}.rpc`, request, {
        replyTo: queue,
        correlationId: "c1",
        ...json,
        ...options,
      });
      const { content, properties } = await answered;
      expect(properties.correlationId).toBe("c1");
      return JSON.parse(content.toString()) as Record<string, unknown>;
    };

    it("are JSON-RPC, answered to where they say", async () => {
      const channel = newChannel();
      const params = { channel, type: "t", data: 1 };
      const published = await call(
        JSON.stringify({ jsonrpc: "2.0", id: 7, method: "channel.publish", params }),
      );
      expect(published).toMatchObject({ jsonrpc: "2.0", id: 7, result: { sequence: expect.any(String) } });
      expect(await readAll(channel)).toHaveLength(1);
      expect(await call("{")).toMatchObject({ id: null, error: { code: -32700 } });
      expect(await call('{"jsonrpc":"2.0","id":1,"method":"nothing"}')).toMatchObject({
        error: { code: -32601 },
      });
      const bad = { headers: { authorization: "Bearer garbage" } };
      expect(await call('{"jsonrpc":"2.0","id":1,"method":"rpc.discover"}', bad)).toMatchObject({
        error: { data: { code: "unauthenticated" } },
      });
    });
  });

  const title = "serves Python's own client, in all that it says of itself";
  it.skipIf(whyNoPika !== undefined)(
    orSkipped(title, whyNoPika),
    async () => {
      const script = join("tests", "conformance", "amqp_client.py");
      const channel = `demo/v1.2/${randomUUID()}`;
      const { stdout } = await promisify(execFile)(PYTHON, [
        script,
        broker.url,
        broker.prefix,
        served.url,
        channel,
      ]);
      expect(stdout).toBe("all of it holds\n");
    },
    60_000,
  );

  it("carries the example: each task is done by one of the consumers, also where one dies", async () => {
    const environment = { ...process.env, AMQP_URL: broker.url, AMQP_PREFIX: broker.prefix };
    const run = (name: string, ...options: string[]) => {
      const child = spawn(process.execPath, [join("examples", "amqp", name), ...options], {
        env: environment,
      });
      const lines = new Received<string>();
      createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
      return { child, lines };
    };
    const consumers = [run("consumer.ts"), run("consumer.ts"), run("consumer.ts")];
    try {
      for (const { lines } of consumers) expect(await lines.next()).toBe("waits for tasks");
      const producer = run("producer.ts", "15");
      expect(await producer.lines.next()).toBe("15 tasks were handed over.");
      const done: string[] = [];
      const collect = async ({ lines }: (typeof consumers)[number]) => {
        for (;;) done.push(await lines.next(5000));
      };
      for (const consumer of consumers) void collect(consumer).catch(() => {});
      await expect.poll(() => done.length, { timeout: 5000 }).toBeGreaterThan(2);
      consumers[0]?.child.kill("SIGKILL");
      const tasks = Array.from({ length: 15 }, (_, n) => `task ${n + 1} is done`);
      // The one that was killed may have ended a task without saying so to the broker: that one is done again.
      await expect.poll(() => new Set(done), { timeout: 8000 }).toEqual(new Set(tasks));
    } finally {
      for (const { child } of consumers) child.kill("SIGKILL");
      await broker.channel.deleteQueue(`${broker.prefix}.example.tasks`);
    }
  }, 20_000);

  describe("failure", () => {
    /** Takes until all of these were seen; each may come again only under the same id, and first in order. */
    const takeAll = async (received: Received<ConsumeMessage>, count: number) => {
      const seen: number[] = [];
      while (seen.length < count) {
        const message = await received.next(20_000);
        const n = JSON.parse(message.content.toString()) as number;
        if (!seen.includes(n)) seen.push(n);
      }
      return seen;
    };
    it("of the way to the broker is made good", async () => {
      await untilUp();
      const channel = newChannel();
      const received = await broker.listen(broker.prefix, channel.replaceAll("/", "."));
      const taking = takeAll(received, 500);
      for (let n = 0; n < 500; n += 10) {
        await publish(
          channel,
          range(10).map((k) => ({ type: "t", data: n + k })),
        );
        if (n % 200 === 100) proxy.cut();
      }
      expect(await taking).toEqual(range(500));
    }, 40_000);

    it("of the Worker keeps messages until it is back", async () => {
      await untilUp();
      const channel = newChannel();
      const { port } = served;
      await served.kill();
      // Somebody who tidies up: a broker confirms what no queue takes, and that must not count as kept.
      await broker.channel.deleteQueue(`${broker.prefix}.in.retry.200`);
      for (let n = 0; n < 20; n += 1) await sendIn(channel, String(n), { ...json, messageId: `late-${n}` });
      // One that is asked for a queue that is not there closes the channel: the bridge has to have made it again first.
      await expect.poll(async () => (await health()).amqp.status, { timeout: 10_000 }).not.toBe("ok");
      await untilUp();
      const queue = `${broker.prefix}.in.retry.200`;
      const countWaiting = async () => (await broker.channel.checkQueue(queue)).messageCount;
      await expect.poll(countWaiting, { timeout: 5000, interval: 20 }).toBeGreaterThanOrEqual(1);
      const environment = { DEV_AUTH: "true", RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" };
      served = await serve({ port, stateDirectory, environment });
      await expect.poll(async () => (await readAll(channel)).length, { timeout: 15_000 }).toBe(20);
    }, 40_000);
  });
});
