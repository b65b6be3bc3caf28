import type { Buffer } from "node:buffer";
import type { ConfirmChannel, Options } from "amqplib";

/** Publishes, and resolves when the broker has it for good. @throws Error where it does not say so, or the message cannot be written */
export function publishConfirmed(
  channel: ConfirmChannel,
  exchange: string,
  routingKey: string,
  content: Buffer,
  options: Options.Publish,
): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.publish(exchange, routingKey, content, options, (error: unknown) =>
      error ? reject(error instanceof Error ? error : new Error(String(error))) : resolve(),
    );
  });
}

/**
 * Puts messages into other queues. A broker confirms what no queue took as well, and that must not count as kept: once one
 * came back nothing more is transferred on this channel.
 */
export class Transfers {
  readonly #channel: ConfirmChannel;
  #lost: string | undefined;

  constructor(channel: ConfirmChannel) {
    this.#channel = channel;
    // It comes before the confirm of the same message (RabbitMQ's rule for `mandatory`).
    channel.on("return", ({ fields }: { readonly fields: { readonly routingKey: string } }) => {
      this.#lost = fields.routingKey;
    });
  }

  /**
   * Resolves when a queue has it; with false where the library cannot write the message at all: headers that are too large for
   * it, or a table in them with a key `!`, which means something to it. To let that end the connection would end every next one too.
   *
   * @throws Error where no queue has it
   */
  async send(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: Options.Publish,
  ): Promise<boolean> {
    try {
      await publishConfirmed(this.#channel, exchange, routingKey, content, { ...options, mandatory: true });
    } catch (thrown) {
      // What it throws before anything has left.
      if (thrown instanceof TypeError || thrown instanceof RangeError) return false;
      throw thrown;
    }
    if (this.#lost !== undefined) throw new Error(`No queue took a message for '${this.#lost}'.`);
    return true;
  }
}
