import type { ChannelName } from "../core/channel-name.ts";
import type { OperationContext } from "../core/context.ts";
import { toTopicName } from "../core/mqtt-topic.ts";
import { mayReceive } from "../core/operations/follow-channels.ts";
import type { MqttRetained } from "./mqtt-retained.ts";

const MAX_KNOWN_CHANNELS = 2000;

/** What a session knows of a channel. */
export interface KnownChannel {
  /** Whether the client may have its events. */
  readonly mayReceive: boolean;
  /** Undefined where nobody has published to a topic of it that its name does not give back. */
  readonly topic: string | undefined;
}

/** What is asked of a channel for every event, asked once: may the client have it, and what is its topic? */
export class MqttChannels {
  readonly #context: () => OperationContext;
  readonly #retained: () => DurableObjectStub<MqttRetained>;
  readonly #known = new Map<string, KnownChannel>();

  constructor(context: () => OperationContext, retained: () => DurableObjectStub<MqttRetained>) {
    this.#context = context;
    this.#retained = retained;
  }

  /** Forgets everything: the next client may be another, and may have other rights. */
  clear(): void {
    this.#known.clear();
  }

  find(channel: string): KnownChannel | undefined {
    return this.#known.get(channel);
  }

  async lookUp(channel: string): Promise<KnownChannel> {
    const known = this.#known.get(channel);
    if (known !== undefined) return known;
    const found = {
      mayReceive: await mayReceive(this.#context(), channel as ChannelName),
      topic: toTopicName(channel) ?? (await this.#retained().findTopic(channel)),
    };
    if (this.#known.size > MAX_KNOWN_CHANNELS) this.#known.clear();
    this.#known.set(channel, found);
    return found;
  }

  /** Notes the topic of a channel that does not give it back, once: other wires publish to the channel too. */
  async noteTopic(channel: ChannelName, topic: string): Promise<void> {
    if (toTopicName(channel) !== undefined || (await this.lookUp(channel)).topic !== undefined) return;
    await this.#retained().noteTopic(channel, topic);
    this.#known.delete(channel);
  }
}
