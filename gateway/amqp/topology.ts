import type { Channel } from "amqplib";

/** The names of everything that the bridge has at the broker. */
export interface Topology {
  /** Events out: a topic exchange. */
  readonly out: string;
  /** Messages in: a topic exchange, and the queue of the same name that takes all of it. */
  readonly in: string;
  /** What can never be taken: an exchange and its queue. */
  readonly dead: string;
  readonly rpc: string;
  /** Where a message waits before it is tried again, after the first attempt, the second, and so on. */
  readonly retries: readonly RetryQueue[];
}

interface RetryQueue {
  readonly name: string;
  readonly delayMs: number;
}

export function toTopology(prefix: string, retriesMs: readonly number[]): Topology {
  return {
    out: prefix,
    in: `${prefix}.in`,
    dead: `${prefix}.dead`,
    rpc: `${prefix}.rpc`,
    // The delay is in the name, since a queue cannot be given another one later.
    retries: retriesMs.map((delayMs) => ({ name: `${prefix}.in.retry.${delayMs}`, delayMs })),
  };
}

/** Makes what is not there yet. @throws Error where the broker has it otherwise */
export async function assertTopology(channel: Channel, topology: Topology): Promise<void> {
  const durable = { durable: true };
  await channel.assertExchange(topology.out, "topic", durable);
  await channel.assertExchange(topology.in, "topic", durable);
  await channel.assertExchange(topology.dead, "topic", durable);
  await channel.assertQueue(topology.dead, durable);
  await channel.bindQueue(topology.dead, topology.dead, "#");
  await channel.assertQueue(topology.in, { ...durable, deadLetterExchange: topology.dead });
  await channel.bindQueue(topology.in, topology.in, "#");
  await channel.assertQueue(topology.rpc, durable);
  for (const { name, delayMs } of topology.retries) {
    await channel.assertQueue(name, {
      ...durable,
      messageTtl: delayMs,
      // Back to where it came from, by the exchange that knows queues by their name.
      deadLetterExchange: "",
      deadLetterRoutingKey: topology.in,
    });
  }
}
