import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { ChannelModel, ConfirmChannel } from "amqplib";
import { connect } from "amqplib";
import { findFreePort } from "../../../../scripts/port.ts";
import { EVENT_BODY } from "../../../everywire-client.ts";
import type { Sample } from "../../../rounds.ts";
import type { Peer, Publishing, QueueDoor, RunningPeer } from "../peer.ts";
import { PikaClient } from "../pika-client.ts";
import { ServerGroup } from "../server-group.ts";
import { pythonNeed } from "./paths.ts";

/** Debian's own script in `PATH` runs as the system's user, and with the system's data. */
const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const HOST = "127.0.0.1";
const QUORUM = { durable: true, arguments: { "x-queue-type": "quorum" } };
const PERSISTENT = { persistent: true, contentType: "application/json" };
const PROMISE = "on disk (quorum queue of one node, publisher confirms)";
const NEED = { file: SERVER, from: "Debian's rabbitmq-server" };
/** Between looks into a queue that seems empty. */
const RECOVERY_MS = 300;

/** One channel for each writer, all on one connection, each waiting for its confirm. */
export const rabbitMqByAmqplib: Peer = {
  name: "RabbitMQ by amqplib",
  setup: "a quorum queue of one node, over AMQP 0-9-1 with confirms; the client is amqplib",
  needs: [NEED],
  async start(directory) {
    const { group, port } = await startBroker(directory);
    const url = `amqp://guest:guest@${HOST}:${port}`;
    await declare(url);
    const amqplib = new AmqplibWriters(url);
    return toPeer(group, {
      publish: {
        promise: PROMISE,
        run(writers, durationMs) {
          const endMs = performance.now() + durationMs;
          return amqplib.publish("load", writers, () => performance.now() >= endMs);
        },
        write: async (count) => void (await amqplib.publish("counted", 1, (sent) => sent >= count)),
        countWritten: () => countMessages(url),
      } satisfies Publishing,
      queue: { promise: PROMISE, run: (durationMs) => passThroughQueue(url, durationMs) } satisfies QueueDoor,
    });
  },
};

/** A thread with a connection of its own for each writer, since a connection of pika's is for one thread. */
export const rabbitMqByPika: Peer = {
  name: "RabbitMQ by pika",
  setup: "the same; the client is pika, a process of its own, which the column of the client does not show",
  needs: [NEED, pythonNeed("pika", "python3-pika")],
  async start(directory) {
    const { group, port } = await startBroker(directory);
    const url = `amqp://guest:guest@${HOST}:${port}`;
    await declare(url);
    const pika = new PikaClient(port);
    const peer = toPeer(group, {
      publish: {
        promise: PROMISE,
        run: (writers, durationMs) =>
          pika.run({ queue: "load", writers, durationMs: Math.round(durationMs), count: 0 }),
        write: async (count) => void (await pika.run({ queue: "counted", writers: 1, durationMs: 0, count })),
        countWritten: () => countMessages(url),
      } satisfies Publishing,
    });
    const endWithIt = (end: () => Promise<void>) => () => {
      pika.stop();
      return end();
    };
    return { ...peer, kill: endWithIt(peer.kill), stop: endWithIt(peer.stop) };
  },
};

function toPeer(group: ServerGroup, doors: RunningPeer["doors"]): RunningPeer {
  return {
    doors,
    processIds: () => group.processIds(),
    kill: () => group.kill(),
    restart: () => group.restart(),
    stop: () => group.stop(),
  };
}

async function startBroker(directory: string): Promise<{ group: ServerGroup; port: number }> {
  const [port, distributionPort] = [await findFreePort(HOST), await findFreePort(HOST)];
  await writeFile(join(directory, "rabbitmq.conf"), `listeners.tcp.local = ${HOST}:${port}\n`);
  await writeFile(join(directory, "enabled_plugins"), "[].\n");
  const environment = {
    // Where it keeps its cookie.
    HOME: directory,
    RABBITMQ_NODENAME: `peer-${port}@localhost`,
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(directory, "mnesia"),
    RABBITMQ_LOG_BASE: join(directory, "log"),
    RABBITMQ_CONFIG_FILE: join(directory, "rabbitmq.conf"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_ENABLED_PLUGINS_FILE: join(directory, "enabled_plugins"),
    // Its schedulers spin while they wait, which takes the cores from whoever shares them: advised against on such machines.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+sbwt none +sbwtdcpu none +sbwtdio none",
  };
  const isReady = async () => {
    try {
      await (await connect(`amqp://guest:guest@${HOST}:${port}`, { timeout: 5000 })).close();
      return true;
    } catch {
      return false;
    }
  };
  const program = { command: SERVER, arguments: [], environment, port, isReady };
  return { group: await ServerGroup.start([program], directory), port };
}

async function declare(url: string): Promise<void> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  for (const queue of ["load", "counted", "jobs"]) await channel.assertQueue(queue, QUORUM);
  await connection.close();
}

/** One connection with a channel for each writer, kept from round to round. */
class AmqplibWriters {
  readonly #url: string;
  #connection: ChannelModel | undefined;
  #channels: ConfirmChannel[] = [];

  constructor(url: string) {
    this.#url = url;
  }

  /** Each writer sends until `isOver`, which is told how many it has sent. */
  async publish(queue: string, writers: number, isOver: (sent: number) => boolean): Promise<Sample> {
    const channels = await this.#open(writers);
    const body = Buffer.from(EVENT_BODY);
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    const write = async (channel: ConfirmChannel) => {
      for (let sent = 0; !isOver(sent); sent += 1) {
        const sentMs = performance.now();
        await new Promise<void>((resolve, reject) => {
          channel.sendToQueue(queue, body, PERSISTENT, (error) => (error ? reject(error) : resolve()));
        });
        latenciesMs.push(performance.now() - sentMs);
      }
    };
    await Promise.all(channels.map(write));
    return { operations: latenciesMs.length, elapsedMs: performance.now() - startedMs, latenciesMs };
  }

  async #open(writers: number): Promise<readonly ConfirmChannel[]> {
    const connection = this.#connection ?? (await this.#connect());
    while (this.#channels.length < writers) this.#channels.push(await connection.createConfirmChannel());
    return this.#channels.slice(0, writers);
  }

  async #connect(): Promise<ChannelModel> {
    const connection = await connect(this.#url, { noDelay: true });
    this.#connection = connection;
    // The broker is killed in the end.
    connection.on("error", () => undefined);
    connection.on("close", () => {
      this.#connection = undefined;
      this.#channels = [];
    });
    return connection;
  }
}

async function passThroughQueue(url: string, durationMs: number): Promise<Sample> {
  const connection = await connect(url, { noDelay: true });
  const channel = await connection.createConfirmChannel();
  await channel.prefetch(1);
  let settled = Promise.withResolvers<void>();
  await channel.consume("jobs", (message) => {
    if (message === null) return;
    channel.ack(message);
    settled.resolve();
  });
  const body = Buffer.from(EVENT_BODY);
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  for (let sentMs = startedMs; sentMs - startedMs < durationMs; ) {
    settled = Promise.withResolvers();
    channel.sendToQueue("jobs", body, PERSISTENT);
    await Promise.all([settled.promise, channel.waitForConfirms()]);
    const doneMs = performance.now();
    latenciesMs.push(doneMs - sentMs);
    sentMs = doneMs;
  }
  const elapsedMs = performance.now() - startedMs;
  await connection.close();
  return { operations: latenciesMs.length, elapsedMs, latenciesMs };
}

/** Takes them out: what a queue says of its length just after a start is of a moment in its recovery. */
async function countMessages(url: string): Promise<number> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  let count = 0;
  for (let misses = 0; misses < 3; ) {
    if ((await channel.get("counted", { noAck: true })) !== false) {
      count += 1;
      continue;
    }
    misses += 1;
    await delay(RECOVERY_MS);
  }
  await connection.close();
  return count;
}
