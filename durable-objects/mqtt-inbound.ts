import type { ChannelName } from "../core/channel-name.ts";
import type { OperationContext } from "../core/context.ts";
import { EverywireError } from "../core/error.ts";
import type { NewEvent } from "../core/event.ts";
import { encodeEvent, withSequence } from "../core/event.ts";
import { toDefaultSource } from "../core/identity.ts";
import type { Limits } from "../core/limits.ts";
import { assertTopicName, toChannelName, toTopicName } from "../core/mqtt-topic.ts";
import type { PublishResult } from "../core/operations/publish-event.ts";
import { publishEvents } from "../core/operations/publish-event.ts";
import { BadPacket, PACKET_TYPES, PROTOCOL_ERROR } from "../wire/mqtt-frame.ts";
import type { PublishPacket } from "../wire/mqtt-publish.ts";
import { decodePublish } from "../wire/mqtt-publish.ts";
import { TOPIC_ALIAS_MAXIMUM } from "./mqtt-connack.ts";
import { toNewEvent } from "./mqtt-event.ts";
import type { MqttLink } from "./mqtt-link.ts";
import {
  encodeAcknowledgement,
  encodePacket,
  REASON,
  toReasonCode,
  toReasonProperties,
} from "./mqtt-packets.ts";
import type { RetainedMessage } from "./mqtt-retained.ts";
import type { SessionStore } from "./mqtt-session-store.ts";

/** What the way in needs of the session. */
export interface InboundHost {
  readonly store: SessionStore;
  readonly publisherId: string;
  context(): OperationContext;
  keepRetained(messages: readonly RetainedMessage[]): Promise<void>;
  noteTopic(channel: ChannelName, topic: string): Promise<void>;
}

/** How often a publish over the rate is put off for a client that cannot be told so (MQTT 3.1.1), and no longer. */
const MAX_DELAYS = 20;
/** However low the rate is, so many messages may be on their way: a window of a few would be slow without need. */
const MIN_PACED_WINDOW = 30;

/**
 * The QoS 1 and 2 messages that a client may have on their way: where publishing has a rate, no more than half a second's
 * worth, so that a client is paced by its answers rather than refused.
 */
export function toReceiveMaximum(limits: Limits, hasRateLimits: boolean): number {
  const { MAX_MQTT_INFLIGHT, PUBLISHES_PER_SECOND } = limits;
  if (!hasRateLimits) return MAX_MQTT_INFLIGHT;
  return Math.min(MAX_MQTT_INFLIGHT, Math.max(MIN_PACED_WINDOW, Math.floor(PUBLISHES_PER_SECOND / 2)));
}

/** A PUBLISH on its way into the log. */
interface Incoming {
  readonly packet: PublishPacket;
  readonly topic: string;
  readonly channel: ChannelName;
  readonly event: NewEvent | EverywireError;
}

/** The way from the client to the log: what is acknowledged is durable, and QoS 2 is stored once. */
export class MqttInbound {
  readonly #host: InboundHost;

  constructor(host: InboundHost) {
    this.#host = host;
  }

  /**
   * Publishes the packets at the head of a queue that go to one channel, as one append, and takes them off it.
   *
   * @throws BadPacket, and EverywireError where the connection has to end since the client can be told in no other way
   */
  async publish(queue: Uint8Array[], link: MqttLink): Promise<void> {
    const batch: Incoming[] = [];
    const { limits } = this.#host.context();
    let length = 0;
    for (let [bytes] = queue; bytes !== undefined; [bytes] = queue) {
      if ((bytes[0] ?? 0) >> 4 !== PACKET_TYPES.PUBLISH) break;
      // A batch is bounded in bytes as JSON, in which base64 takes a third more.
      length += bytes.byteLength * 2;
      if (batch.length > 0 && (batch.length >= limits.MAX_BATCH_EVENTS || length > limits.MAX_BATCH_BYTES))
        break;
      const incoming = await this.#read(bytes, link.version);
      const [first] = batch;
      if (first !== undefined && first.channel !== incoming.channel) break;
      // The second of a pair with one identifier has to know what became of the first.
      const { packetId } = incoming.packet;
      if (packetId !== undefined && batch.some(({ packet }) => packet.packetId === packetId)) break;
      queue.shift();
      link.consume(bytes.byteLength);
      batch.push(incoming);
    }
    await this.#publishBatch(batch, link);
  }

  /** Holds a client to the messages that it may have on their way (MQTT 5 §3.3.4). @throws BadPacket */
  assertReceiveMaximum(packets: readonly Uint8Array[], version: number): void {
    const { store } = this.#host;
    const { limits, hasRateLimits } = this.#host.context();
    const maximum = toReceiveMaximum(limits, hasRateLimits);
    if (version !== 5 || packets.length + store.unreleased <= maximum) return;
    const waiting = packets.filter(([header = 0]) => header >> 4 === 3 && (header & 6) !== 0).length;
    if (waiting + store.unreleased <= maximum) return;
    throw new BadPacket(REASON.RECEIVE_MAXIMUM, `At most ${maximum} messages are unacknowledged at once.`);
  }

  onPubrel(packetId: number, link: MqttLink): void {
    this.#host.store.releaseMessage(packetId);
    link.send(encodeAcknowledgement("pubcomp", packetId));
  }

  async #read(bytes: Uint8Array, version: number): Promise<Incoming> {
    const packet = decodePublish(bytes, version);
    const topic = this.#resolveAlias(packet);
    const { responseTopic } = packet.properties;
    if (responseTopic !== undefined && /[+#]/.test(responseTopic)) {
      throw new BadPacket(PROTOCOL_ERROR, "A response topic has no wildcards.");
    }
    let refusal: EverywireError | undefined;
    try {
      assertTopicName(topic);
    } catch (thrown) {
      refusal = EverywireError.from(thrown);
      if (refusal.code === "invalid_argument") throw new BadPacket(REASON.TOPIC_INVALID, refusal.message);
    }
    const channel = await toChannelName(topic);
    return { packet, topic, channel, event: refusal ?? (await this.#toEvent(packet, topic, channel)) };
  }

  async #toEvent(
    packet: PublishPacket,
    topic: string,
    channel: ChannelName,
  ): Promise<NewEvent | EverywireError> {
    const { store } = this.#host;
    const { identity, nowMs } = this.#host.context();
    const { qos, packetId } = packet;
    const key = qos === 2 && packetId !== undefined ? store.messageKey(packetId) : undefined;
    const hasNoLocal = [...store.subscriptions.values()].some(({ noLocal }) => noLocal);
    const isKept = toTopicName(channel) !== topic;
    if (isKept) await this.#host.noteTopic(channel, topic);
    try {
      return toNewEvent(packet, {
        source: toDefaultSource(identity),
        nowMs,
        // The same for the same message, so that the log knows it where it comes again.
        eventId: key === undefined ? undefined : `${this.#host.publisherId}-${key}`,
        topicToKeep: isKept ? topic : undefined,
        publisher: hasNoLocal ? this.#host.publisherId : undefined,
      });
    } catch (thrown) {
      return EverywireError.from(thrown);
    }
  }

  /** @throws BadPacket */
  #resolveAlias({ topic, properties: { topicAlias } }: PublishPacket): string {
    if (topicAlias === undefined) {
      if (topic === "") throw new BadPacket(PROTOCOL_ERROR, "There is neither a topic nor an alias of one.");
      return topic;
    }
    if (topicAlias === 0 || topicAlias > TOPIC_ALIAS_MAXIMUM) {
      throw new BadPacket(REASON.ALIAS_INVALID, `Topic aliases are from 1 to ${TOPIC_ALIAS_MAXIMUM}.`);
    }
    if (topic !== "") {
      this.#host.store.putAliasedTopic(topicAlias, topic);
      return topic;
    }
    const known = this.#host.store.aliasedTopic(topicAlias);
    if (known === undefined) throw new BadPacket(PROTOCOL_ERROR, "There is no topic of this alias.");
    return known;
  }

  async #publishBatch(batch: readonly Incoming[], link: MqttLink): Promise<void> {
    const fresh: Incoming[] = [];
    for (const incoming of batch) {
      if (incoming.event instanceof EverywireError) this.#refuse(incoming.packet, link, incoming.event);
      else fresh.push(incoming);
    }
    if (fresh.length === 0) return;
    try {
      await this.#append(fresh, link);
    } catch (thrown) {
      // All or none: one that is refused must not take the others with it.
      if (fresh.length === 1) await this.#onRefused(fresh[0] as Incoming, link, thrown);
      else
        for (const one of fresh)
          await this.#append([one], link).catch((why) => this.#onRefused(one, link, why));
    }
  }

  async #append(batch: readonly Incoming[], link: MqttLink): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const events = batch.map(({ event }) => event as NewEvent);
    const results = await publishEvents(this.#host.context(), first.channel, events);
    const retained = batch.flatMap((incoming, index) => toRetained(incoming, results[index]));
    if (retained.length > 0) await this.#host.keepRetained(retained);
    for (const [index, { packet }] of batch.entries()) {
      const result = results[index];
      if (result === undefined) throw new Error("The log gave fewer receipts than events.");
      this.#acknowledge(packet, link, result);
    }
  }

  /**
   * A publish that the log refused. MQTT 5 says why; MQTT 3.1.1 has no word for it, so a client that is too fast is made
   * to wait, and any other loses its connection (§3.3.5): an acknowledgement would be a lie. At QoS 0 it is dropped.
   */
  async #onRefused(incoming: Incoming, link: MqttLink, thrown: unknown): Promise<void> {
    let error = EverywireError.from(thrown);
    const { packet } = incoming;
    const isDelayed = link.version !== 5 && packet.qos > 0;
    for (let delays = 0; isDelayed && error.code === "rate_limited" && delays < MAX_DELAYS; delays += 1) {
      await scheduler.wait(error.retryAfterMs ?? 1000);
      try {
        await this.#append([incoming], link);
        return;
      } catch (again) {
        error = EverywireError.from(again);
      }
    }
    this.#refuse(packet, link, error);
  }

  #refuse(packet: PublishPacket, link: MqttLink, error: EverywireError): void {
    if (error.code === "internal") console.error("A publish over MQTT failed", error.cause ?? error);
    const { packetId } = packet;
    if (packet.qos === 0 || packetId === undefined) return;
    // What may have been stored all the same is not refused: the client sends it again, and it is known again.
    const mayBeStored = error.code === "internal" || error.code === "unavailable";
    if (mayBeStored || link.version !== 5) throw error;
    this.#host.store.forgetMessage(packetId);
    const properties =
      this.#host.store.state?.wantsReasons === true ? { properties: toReasonProperties(error) } : {};
    const cmd = packet.qos === 1 ? "puback" : "pubrec";
    link.send(encodePacket({ cmd, messageId: packetId, reasonCode: toReasonCode(error), ...properties }, 5));
  }

  #acknowledge(packet: PublishPacket, link: MqttLink, result: PublishResult): void {
    const { packetId: messageId } = packet;
    if (messageId === undefined) return;
    const cmd = packet.qos === 1 ? "puback" : "pubrec";
    const isTold = link.version === 5 && this.#host.store.state?.wantsReasons === true;
    if (!isTold) {
      link.send(encodeAcknowledgement(cmd, messageId));
      return;
    }
    const { id, sequence, duplicate } = result;
    const userProperties = {
      id,
      ...(sequence === undefined ? {} : { sequence }),
      duplicate: String(duplicate),
    };
    link.send(
      encodePacket({ cmd, messageId, reasonCode: REASON.SUCCESS, properties: { userProperties } }, 5),
    );
  }
}

/** What is to be kept for later subscribers. An empty payload keeps nothing, and ends what was kept (§3.3.1.3). */
function toRetained(
  { packet, topic, channel, event }: Incoming,
  result: PublishResult | undefined,
): RetainedMessage[] {
  if (!packet.isRetained || event instanceof EverywireError || result?.sequence === undefined) return [];
  const { sequence } = result;
  const isEmpty = packet.payload.byteLength === 0;
  const json = isEmpty ? undefined : withSequence(encodeEvent(event, channel), sequence);
  return [{ channel, topic, sequence, json }];
}
