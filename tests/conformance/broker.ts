import { randomUUID } from "node:crypto";
import type { ChannelModel, ConfirmChannel, ConsumeMessage } from "amqplib";
import { connect } from "amqplib";
import { Received } from "./received-events.ts";

const URL_OF_BROKER = process.env.AMQP_URL || "amqp://guest:guest@127.0.0.1:5672";

/** A real broker, with names of its own for one test file. */
export interface Broker {
  readonly url: string;
  readonly prefix: string;
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  /** What comes to a new queue that is bound to an exchange. */
  listen(exchange: string, pattern: string): Promise<Received<ConsumeMessage>>;
  /** Removes everything of this prefix, and leaves. */
  stop(): Promise<void>;
}

/** Why tests that need a broker cannot run here; undefined where they can. */
export async function whyNoBroker(): Promise<string | undefined> {
  try {
    await (await connect(URL_OF_BROKER, { timeout: 3000 })).close();
    return undefined;
  } catch (thrown) {
    // In CI a missing part is a failure: the tests then run, and say so.
    return process.env.CI ? undefined : `no RabbitMQ at AMQP_URL: ${String(thrown)}`;
  }
}

export async function connectBroker(): Promise<Broker> {
  const prefix = `test-${randomUUID().slice(0, 8)}`;
  const connection = await connect(URL_OF_BROKER);
  const channel = await connection.createConfirmChannel();
  return {
    url: URL_OF_BROKER,
    prefix,
    connection,
    channel,
    async listen(exchange, pattern) {
      const { queue } = await channel.assertQueue("", { exclusive: true });
      await channel.bindQueue(queue, exchange, pattern);
      const received = new Received<ConsumeMessage>();
      await channel.consume(queue, (message) => message && received.push(message), { noAck: true });
      return received;
    },
    async stop() {
      for (const name of ["", ".in", ".dead"]) await channel.deleteExchange(`${prefix}${name}`);
      for (const name of [".in", ".dead", ".rpc", ".in.retry.200"])
        await channel.deleteQueue(`${prefix}${name}`);
      await connection.close();
    },
  };
}
