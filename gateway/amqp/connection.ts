import type { ChannelModel, ConfirmChannel, ConsumeMessage } from "amqplib";
import { connect } from "amqplib";

const CONNECT_TIMEOUT_MS = 10_000;
/** After twice that without a word from the broker it counts as gone. */
const HEARTBEAT_SECONDS = 10;

/** One connection to the broker. Whatever goes wrong on it ends all of it: what was not acknowledged comes again on the next. */
export class AmqpConnection {
  readonly #model: ChannelModel;
  readonly #closed: Promise<void>;
  #why: unknown;
  #underWay = 0;

  private constructor(model: ChannelModel) {
    this.#model = model;
    this.#closed = new Promise((resolve) => model.once("close", () => resolve()));
    // One that the broker ends may come without an error, and an error is always followed by the close.
    model.on("error", (error) => {
      this.#why = error;
    });
  }

  /** @param onBlocked told when the broker takes nothing for a while, and why; with undefined when it does again. @throws Error */
  static async open(
    url: string,
    onBlocked: (why: string | undefined) => void = () => {},
  ): Promise<AmqpConnection> {
    const target = new URL(url);
    if (!target.searchParams.has("heartbeat"))
      target.searchParams.set("heartbeat", String(HEARTBEAT_SECONDS));
    const model = await connect(target.href, {
      timeout: CONNECT_TIMEOUT_MS,
      clientProperties: { connection_name: "everywire-gateway" },
    });
    model.on("blocked", onBlocked);
    model.on("unblocked", () => onBlocked(undefined));
    return new AmqpConnection(model);
  }

  /** Messages that are being taken. */
  get underWay(): number {
    return this.#underWay;
  }

  /** @throws Error */
  async openChannel(): Promise<ConfirmChannel> {
    const channel = await this.#model.createConfirmChannel();
    channel.on("error", (error) => this.lose(error));
    channel.on("close", () => this.lose(new Error("The broker closed a channel.")));
    return channel;
  }

  /** Consumes a queue, some messages at a time. What cannot be brought to an end leaves the message in its queue. @throws Error */
  async consume(
    channel: ConfirmChannel,
    queue: string,
    handle: (message: ConsumeMessage) => Promise<void>,
  ): Promise<void> {
    await channel.consume(queue, async (message) => {
      // The broker has taken the queue away.
      if (message === null) return this.lose(new Error("A queue is gone."));
      this.#underWay += 1;
      try {
        await handle(message);
      } catch (thrown) {
        this.lose(thrown);
      } finally {
        this.#underWay -= 1;
      }
    });
  }

  /** Ends it, and says why. */
  lose(why: unknown): void {
    this.#why ??= why;
    this.#model.close().catch(() => {});
  }

  /** Rejects when it is over. */
  async untilClosed(): Promise<never> {
    await this.#closed;
    throw this.#why ?? new Error("The broker closed the connection.");
  }
}
