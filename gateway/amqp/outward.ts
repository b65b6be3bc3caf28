import type { ConfirmChannel } from "amqplib";
import type { MirroredEvent, Sink } from "../mirror/sink.ts";
import { toMessage } from "./cloudevents-amqp.ts";
import { publishConfirmed } from "./confirmed.ts";
import { toRoutingKey } from "./routing-key.ts";

/** The topic exchange that events go out to. */
export class ExchangeSink implements Sink {
  readonly #channel: ConfirmChannel;
  readonly #exchange: string;
  /** Messages that the broker has confirmed. */
  taken = 0;

  constructor(channel: ConfirmChannel, exchange: string) {
    this.#channel = channel;
    this.#exchange = exchange;
  }

  async take(events: readonly MirroredEvent[]): Promise<void> {
    await Promise.all(
      events.map(({ channel, event }) => {
        const { content, options } = toMessage(event);
        return publishConfirmed(this.#channel, this.#exchange, toRoutingKey(channel), content, options);
      }),
    );
    this.taken += events.length;
  }
}
