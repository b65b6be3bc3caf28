import type { ConfirmChannel } from "amqplib";
import type { MirroredEvent, Sink } from "../mirror/sink.ts";
import { toMessage } from "./cloudevents-amqp.ts";
import { publishConfirmed } from "./confirmed.ts";
import { toRoutingKey } from "./routing-key.ts";
import type { ContentMode } from "./settings.ts";

/** The topic exchange that events go out to. */
export class ExchangeSink implements Sink {
  readonly #channel: ConfirmChannel;
  readonly #exchange: string;
  readonly #contentMode: ContentMode;

  constructor(channel: ConfirmChannel, exchange: string, contentMode: ContentMode) {
    this.#channel = channel;
    this.#exchange = exchange;
    this.#contentMode = contentMode;
  }

  async take(events: readonly MirroredEvent[]): Promise<void> {
    await Promise.all(
      events.map(({ channel, event }) => {
        const { content, options } = toMessage(event, this.#contentMode);
        return publishConfirmed(this.#channel, this.#exchange, toRoutingKey(channel), content, options);
      }),
    );
  }
}
