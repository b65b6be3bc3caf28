import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { log } from "../log.ts";
import type { BrokerStatus } from "../mirror/broker-link.ts";
import { BrokerLink } from "../mirror/broker-link.ts";
import { CursorFile } from "../mirror/cursor-file.ts";
import { Mirror } from "../mirror/mirror.ts";
import type { Worker } from "../worker/worker.ts";
import { AmqpConnection } from "./connection.ts";
import { Inward } from "./inward.ts";
import { ExchangeSink } from "./outward.ts";
import { answerCall } from "./rpc.ts";
import type { AmqpSettings } from "./settings.ts";
import type { Topology } from "./topology.ts";
import { assertTopology, toTopology } from "./topology.ts";

const GRACE_MS = 2000;

export interface AmqpOptions {
  readonly settings: AmqpSettings;
  readonly worker: Worker;
  readonly token: string | undefined;
  readonly stateDirectory: string;
}

/**
 * The bridge to an AMQP 0-9-1 broker: events out, messages in, calls. What is under way lives as long as one connection, and begins
 * again with the next: events from their cursors, messages from what was not acknowledged.
 */
export class AmqpBridge {
  readonly #options: AmqpOptions;
  readonly #topology: Topology;
  readonly #cursors: CursorFile;
  readonly #events: BrokerLink;
  /** On a connection of their own: to answer a `reply-to` that the broker cannot read ends the connection. */
  readonly #calls: BrokerLink;
  readonly #open = new Set<AmqpConnection>();
  #mirror: Mirror | undefined;
  /** Why the broker takes nothing at the moment, though it is there: it is short of memory or of disk. */
  #blockedBy: string | undefined;

  /** @throws Error where the cursors cannot be kept */
  constructor(options: AmqpOptions) {
    this.#options = options;
    const { url, prefix, retriesMs } = options.settings;
    this.#topology = toTopology(prefix, retriesMs);
    this.#cursors = new CursorFile(join(options.stateDirectory, "amqp-cursors"));
    this.#events = new BrokerLink({
      name: "the AMQP broker",
      url,
      session: (onUp) => this.#carryEvents(onUp),
    });
    this.#calls = new BrokerLink({
      name: "the AMQP broker, for calls,",
      url,
      session: (onUp) => this.#answerCalls(onUp),
    });
  }

  get status(): BrokerStatus & { readonly calls: BrokerStatus["status"]; readonly channels: number } {
    const blocked =
      this.#blockedBy === undefined ? {} : ({ status: "blocked", why: this.#blockedBy } as const);
    const channels = this.#mirror?.channels ?? 0;
    return { ...this.#events.status, ...blocked, calls: this.#calls.status.status, channels };
  }

  async stop(): Promise<void> {
    this.#events.stop();
    this.#calls.stop();
    this.#mirror?.stop();
    const lateAtMs = Date.now() + GRACE_MS;
    const isBusy = () => [...this.#open].some(({ underWay }) => underWay > 0);
    while (isBusy() && Date.now() < lateAtMs) await delay(20);
    for (const connection of this.#open) connection.lose(undefined);
    await Promise.race([Promise.all([this.#events.ended, this.#calls.ended]), delay(GRACE_MS)]);
    this.#cursors.close();
  }

  /** Events out and messages in, over one connection. @throws Error when it is over */
  #carryEvents(onUp: () => void): Promise<never> {
    const { settings, worker, token } = this.#options;
    return this.#run(this.#events, async (connection) => {
      const [outward, channel] = [await connection.openChannel(), await connection.openChannel()];
      await assertTopology(outward, this.#topology);
      const inbox = new Inward({ worker, token, channel, topology: this.#topology });
      await channel.prefetch(settings.prefetch);
      await connection.consume(channel, this.#topology.in, (message) => inbox.onMessage(message));
      this.#mirror = new Mirror({
        name: "AMQP",
        worker,
        token,
        globs: settings.channels,
        cursors: this.#cursors,
        sink: new ExchangeSink(outward, this.#topology.out, settings.contentMode),
        onLost: (why) => connection.lose(why),
      });
      onUp();
    }).finally(() => {
      this.#blockedBy = undefined;
      this.#mirror?.stop();
      this.#mirror = undefined;
    });
  }

  /** @throws Error when the connection is over */
  #answerCalls(onUp: () => void): Promise<never> {
    const { settings, worker, token } = this.#options;
    return this.#run(this.#calls, async (connection) => {
      const channel = await connection.openChannel();
      await assertTopology(channel, this.#topology);
      await channel.prefetch(settings.prefetch);
      await connection.consume(channel, this.#topology.rpc, (message) =>
        answerCall(message, { worker, token, channel }),
      );
      onUp();
    });
  }

  /** One connection, until it is over. @throws Error */
  async #run(link: BrokerLink, begin: (connection: AmqpConnection) => Promise<void>): Promise<never> {
    const onBlocked = link === this.#events ? (why: string | undefined) => this.#onBlocked(why) : undefined;
    const connection = await AmqpConnection.open(this.#options.settings.url, onBlocked);
    this.#open.add(connection);
    try {
      await begin(connection);
      if (link.isStopped) connection.lose(undefined);
      return await connection.untilClosed();
    } finally {
      this.#open.delete(connection);
      connection.lose(undefined);
    }
  }

  #onBlocked(why: string | undefined): void {
    if (why === this.#blockedBy) return;
    if (why === undefined) log("the AMQP broker takes messages again");
    else log("the AMQP broker takes no messages", { why });
    this.#blockedBy = why;
  }
}
