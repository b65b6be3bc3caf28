import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ChannelModel, ConfirmChannel, ConsumeMessage } from "amqplib";
import { connect } from "amqplib";
import type { EventContext, Message } from "rhea";
import { create_container as createContainer, message as rheaMessage } from "rhea";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import type { RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import { until } from "../conformance/gateway-clients.ts";
import { orSkipped } from "../conformance/missing.ts";
import type { RabbitMq } from "../conformance/rabbitmq.ts";
import { startRabbitMq, whyNoRabbitMq } from "../conformance/rabbitmq.ts";

const why = whyNoRabbitMq();
/** Of each kind: events that go out, messages that come in. */
const BATCH = 10;
interface Event {
  readonly id: string;
  readonly data: number;
}

const OUT = "demo/out";
const IN = "demo/in";

describe.skipIf(why !== undefined)(orSkipped("AMQP", why), () => {
  let stateDirectory: string;
  let broker: RabbitMq;
  let served: Served;
  let gateway: RunningGateway;

  const startWorker = (port: number) =>
    serve({ port, stateDirectory, environment: { RATE_LIMITS: "off", ANONYMOUS_CHANNELS: "demo/**" } });
  const startBridge = () =>
    startGateway({
      url: served.url,
      stateDirectory,
      environment: {
        AMQP_URL: broker.url,
        AMQP_CHANNELS: OUT,
        AMQP_RETRIES_MS: "200",
        AMQP_CONTENT_MODE: "structured",
      },
      onLog: () => {},
    });
  const status = async () => {
    const response = await fetch(`http://127.0.0.1:${gateway.ports.GATEWAY_HEALTH_PORT}/health`);
    return ((await response.json()) as { amqp: Record<string, unknown> }).amqp;
  };

  beforeAll(async () => {
    await buildIfStale();
    stateDirectory = await mkdtemp(join(tmpdir(), "everywire-amqp-"));
    [broker, served] = await Promise.all([startRabbitMq(["rabbitmq_amqp1_0"]), startWorker(0)]);
    gateway = await startBridge();
    await until(async () => (await status()).status === "ok");
  }, 90_000);
  afterAll(async () => {
    await gateway?.stop();
    await broker?.stop();
    await served?.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  }, 30_000);

  /** Does it until it was acknowledged: whoever hands something over and hears nothing does it again, under the same id. */
  const untilAcknowledged = async (send: () => Promise<void>) => {
    for (;;) {
      try {
        return await send();
      } catch {
        await delay(50);
      }
    }
  };
  const range = (count: number, from = 0) => Array.from({ length: count }, (_, n) => from + n);
  const publish = async (numbers: readonly number[]) => {
    const batch = numbers.map((n) => ({
      specversion: "1.0",
      id: `out-${n}`,
      source: "/test",
      type: "t",
      data: n,
    }));
    const response = await fetch(`${served.url}/channels/${OUT}`, {
      method: "POST",
      headers: { "content-type": "application/cloudevents-batch+json" },
      body: JSON.stringify(batch),
    });
    if (!response.ok) throw new Error(await response.text());
  };

  const read = async (channel: string, after: string) => {
    const response = await fetch(`${served.url}/channels/${channel}?after=${after}&limit=1000`);
    return (await response.json()) as { events: Event[]; next: string };
  };

  it("carries whole events to and from clients of AMQP 1.0, where the broker speaks it", async () => {
    const { port } = new URL(broker.url);
    const container = createContainer();
    const received = Promise.withResolvers<Message>();
    const settled = Promise.withResolvers<string>();
    container.on("message", ({ message }: EventContext) => message && received.resolve(message));
    for (const outcome of ["accepted", "rejected", "released"]) {
      container.on(outcome, () => settled.resolve(outcome));
    }
    const connection = container.connect({
      port: Number(port),
      host: "127.0.0.1",
      username: "guest",
      password: "guest",
      reconnect: false,
    });
    connection.on("connection_close", () => {});
    const receiver = connection.open_receiver({ source: `/exchange/everywire/${OUT.replace("/", ".")}` });
    const sender = connection.open_sender({ target: `/exchange/everywire.in/${IN.replace("/", ".")}` });
    try {
      await Promise.all([once(receiver, "receiver_open"), once(sender, "sendable")]);
      const event = { specversion: "1.0", id: "amqp-1.0", source: "/rhea", type: "t", data: { n: 1 } };
      const body = rheaMessage.data_section(Buffer.from(JSON.stringify(event)));
      sender.send({ content_type: "application/cloudevents+json", body });
      expect(await settled.promise).toBe("accepted");
      await until(async () => (await read(IN, "earliest")).events.some(({ id }) => id === event.id));
      await publish([-1]);
      const message = await received.promise;
      expect(message).toMatchObject({
        message_id: "out--1",
        content_type: "application/cloudevents+json; charset=utf-8",
      });
      // The section of type data, as the library tells it.
      const { content } = message.body as { readonly content: Buffer };
      expect(JSON.parse(content.toString())).toMatchObject({ id: "out--1", data: -1, subject: OUT });
    } finally {
      connection.close();
    }
  }, 30_000);

  it("loses nothing when the gateway, the broker and the Worker are killed in turn under load", async () => {
    let opened: Promise<{ connection: ChannelModel; channel: ConfirmChannel }> | undefined;
    const open = async () => {
      const connection = await connect(broker.url, { timeout: 2000 });
      connection.on("error", () => {});
      connection.on("close", () => (opened = undefined));
      const channel = await connection.createConfirmChannel();
      channel.on("error", () => {}).setMaxListeners(0);
      return { connection, channel };
    };
    const openChannel = async () => {
      opened ??= open();
      return (
        await opened.catch((error: unknown) => {
          opened = undefined;
          throw error;
        })
      ).channel;
    };
    const queue = "test.out";
    await (await openChannel()).assertQueue(queue, { durable: true });
    await (await openChannel()).bindQueue(queue, "everywire", OUT.replace("/", "."));
    const sendIn = async (n: number) => {
      const channel = await openChannel();
      const closed = new Promise((_, reject) =>
        channel.once("close", () => reject(new Error("It was closed."))),
      );
      const options = { messageId: `in-${n}`, contentType: "application/json", persistent: true };
      const key = IN.replace("/", ".");
      const confirmed = new Promise<void>((resolve, reject) =>
        channel.publish("everywire.in", key, Buffer.from(String(n)), options, (error: unknown) =>
          error ? reject(error) : resolve(),
        ),
      );
      await Promise.race([confirmed, closed]);
    };

    let isOver = false;
    const counts = { out: 0, in: 0 };
    const publishing = (async () => {
      for (; !isOver; counts.out += BATCH) await untilAcknowledged(() => publish(range(BATCH, counts.out)));
    })();
    const sending = (async () => {
      for (; !isOver; counts.in += BATCH)
        await Promise.all(range(BATCH, counts.in).map((n) => untilAcknowledged(() => sendIn(n))));
    })();
    /** Something was acknowledged since. */
    const untilMore = async () => {
      const { out, in: incoming } = counts;
      await until(() => counts.out > out + BATCH && counts.in > incoming + BATCH, 30_000);
    };

    await untilMore();
    await gateway.kill();
    await untilMore();
    gateway = await startBridge();
    await untilMore();
    await broker.kill();
    await until(async () => (await status()).status === "unreachable");
    expect(await status()).toMatchObject({ since: expect.any(String), why: expect.any(String) });
    await broker.start();
    await untilMore();
    const { port } = served;
    await served.kill();
    await delay(300);
    served = await startWorker(port);
    await untilMore();
    isOver = true;
    await Promise.all([publishing, sending]);

    // Out: everything, in its order; what came twice has come under the same number.
    const seen = new Set<number>();
    const consumer = await openChannel();
    const take = ({ content }: ConsumeMessage) => seen.add((JSON.parse(content.toString()) as Event).data);
    await consumer.consume(queue, (message) => message && take(message), { noAck: true });
    await until(() => seen.size >= counts.out, 30_000);
    expect([...seen]).toEqual(range(counts.out));
    // In: everything, once.
    const stored: string[] = [];
    let cursor = "earliest";
    const readOn = async () => {
      const page = await read(IN, cursor);
      cursor = page.next;
      stored.push(...page.events.map(({ id }) => id).filter((id) => id.startsWith("in-")));
      return stored.length;
    };
    await until(async () => (await readOn()) >= counts.in, 30_000);
    expect(stored).toHaveLength(counts.in);
    expect(new Set(stored)).toEqual(new Set(range(counts.in).map((n) => `in-${n}`)));
    await (await opened)?.connection.close();
  }, 120_000);
});
