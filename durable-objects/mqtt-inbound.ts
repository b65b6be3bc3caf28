import type { ChannelName } from "../core/channel-name.ts";
import type { OperationContext } from "../core/context.ts";
import { EverywireError } from "../core/error.ts";
import type { NewEvent } from "../core/event.ts";
import { encodeEvent, withSequence } from "../core/event.ts";
import { toDefaultSource } from "../core/identity.ts";
import { toNewEvent, withPublisher } from "../core/mqtt-message.ts";
import { toReceiveMaximum } from "../core/mqtt-session.ts";
import { assertTopicName, toChannelName, toTopicName } from "../core/mqtt-topic.ts";
import type { PublishResult } from "../core/operations/publish-event.ts";
import { publishEvents } from "../core/operations/publish-event.ts";
import { encodeAcknowledgement, encodeStored } from "../wire/mqtt-acknowledgement.ts";
import { BadPacket, PACKET_TYPES, PROTOCOL_ERROR } from "../wire/mqtt-frame.ts";
import type { PublishPacket } from "../wire/mqtt-publish.ts";
import { decodePublish } from "../wire/mqtt-publish.ts";
import { TOPIC_ALIAS_MAXIMUM } from "./mqtt-connack.ts";
import type { MqttLink } from "./mqtt-link.ts";
import { encodePacket, REASON, toReasonCode, toReasonProperties } from "./mqtt-packets.ts";
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
/** A PUBLISH on its way into the log. */
interface Incoming {
  readonly packet: PublishPacket;
  readonly topic: string;
  readonly channel: ChannelName;
  readonly event: NewEvent | EverywireError;
}

/** What becomes of a publish: a packet that answers it, nothing at QoS 0, or why the connection has to end. */
type Outcome = Uint8Array | EverywireError | undefined;
type Outcomes = Map<Incoming, Outcome>;

/** The way from the client to the log: what is acknowledged is durable, and QoS 2 is stored once. */
export class MqttInbound {
  readonly #host: InboundHost;

  constructor(host: InboundHost) {
    this.#host = host;
  }

  /**
   * Publishes the packets at the head of a queue, those of each channel as one append, and takes them off it. Channels are
   * written to side by side: the order that MQTT promises is that within a topic (MQTT 5 §4.6). Answers go out in the order
   * of the packets.
   *
   * @throws BadPacket, and EverywireError where the connection has to end since the client can be told in no other way
   */
  async publish(queue: Uint8Array[], link: MqttLink): Promise<void> {
    const batch = await this.#take(queue, link);
    const outcomes: Outcomes = new Map();
    const groups = Map.groupBy(batch, ({ channel }) => channel);
    await Promise.all(Array.from(groups.values(), (group) => this.#publishGroup(group, link, outcomes)));
    for (const incoming of batch) {
      const outcome = outcomes.get(incoming);
      if (outcome instanceof EverywireError) throw outcome;
      if (outcome !== undefined) link.send(outcome);
    }
  }

  /** Reads publishes off a queue: as many as one append may have. @throws BadPacket */
  async #take(queue: Uint8Array[], link: MqttLink): Promise<readonly Incoming[]> {
    const batch: Incoming[] = [];
    const packetIds = new Set<number>();
    const { limits } = this.#host.context();
    let length = 0;
    for (let [bytes] = queue; bytes !== undefined; [bytes] = queue) {
      if ((bytes[0] ?? 0) >> 4 !== PACKET_TYPES.PUBLISH) break;
      // A batch is bounded in bytes as JSON, in which base64 takes a third more.
      length += bytes.byteLength * 2;
      if (batch.length > 0 && (batch.length >= limits.MAX_BATCH_EVENTS || length > limits.MAX_BATCH_BYTES))
        break;
      const incoming = await this.#read(bytes, link.version);
      // The second of a pair with one identifier has to know what became of the first.
      const { packetId } = incoming.packet;
      if (packetId !== undefined && packetIds.has(packetId)) break;
      if (packetId !== undefined) packetIds.add(packetId);
      queue.shift();
      link.consume(bytes.byteLength);
      batch.push(incoming);
    }
    return batch;
  }

  /** What events say of their publisher: nothing where no subscription of the session has to know its own. */
  get publisher(): string | undefined {
    const { store, publisherId } = this.#host;
    for (const { noLocal } of store.subscriptions.values()) if (noLocal) return publisherId;
    return undefined;
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
    const isKept = toTopicName(channel) !== topic;
    if (isKept) await this.#host.noteTopic(channel, topic);
    try {
      const event = toNewEvent(packet, {
        source: toDefaultSource(identity),
        nowMs,
        // The same for the same message, so that the log knows it where it comes again.
        eventId: key === undefined ? undefined : `${this.#host.publisherId}-${key}`,
        topicToKeep: isKept ? topic : undefined,
      });
      return withPublisher(event, this.publisher);
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

  /** Publishes packets of one channel, and notes what became of each. It never rejects for what the log refuses. */
  async #publishGroup(group: readonly Incoming[], link: MqttLink, outcomes: Outcomes): Promise<void> {
    const fresh: Incoming[] = [];
    for (const incoming of group) {
      if (incoming.event instanceof EverywireError)
        outcomes.set(incoming, this.#refuse(incoming.packet, link, incoming.event));
      else fresh.push(incoming);
    }
    if (fresh.length === 0) return;
    try {
      await this.#append(fresh, link, outcomes);
    } catch (thrown) {
      // All or none: one that is refused must not take the others with it.
      for (const one of fresh) {
        if (fresh.length === 1) await this.#onRefused(one, link, thrown, outcomes);
        else
          await this.#append([one], link, outcomes).catch((why) => this.#onRefused(one, link, why, outcomes));
        // The connection ends with it, so what comes after it is not the client's any more.
        if (outcomes.get(one) instanceof EverywireError) return;
      }
    }
  }

  async #append(group: readonly Incoming[], link: MqttLink, outcomes: Outcomes): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    const events = group.map(({ event }) => event as NewEvent);
    const results = await publishEvents(this.#host.context(), first.channel, events);
    const retained = group.flatMap((incoming, index) => toRetained(incoming, results[index]));
    if (retained.length > 0) await this.#host.keepRetained(retained);
    for (const [index, incoming] of group.entries()) {
      const result = results[index];
      if (result === undefined) throw new Error("The log gave fewer receipts than events.");
      outcomes.set(incoming, this.#acknowledge(incoming.packet, link, result));
    }
  }

  /**
   * A publish that the log refused. MQTT 5 says why; MQTT 3.1.1 has no word for it, so a client that is too fast is made
   * to wait, and any other loses its connection (§3.3.5): an acknowledgement would be a lie. At QoS 0 it is dropped.
   */
  async #onRefused(incoming: Incoming, link: MqttLink, thrown: unknown, outcomes: Outcomes): Promise<void> {
    let error = EverywireError.from(thrown);
    const { packet } = incoming;
    const isDelayed = link.version !== 5 && packet.qos > 0;
    for (let delays = 0; isDelayed && error.code === "rate_limited" && delays < MAX_DELAYS; delays += 1) {
      await scheduler.wait(error.retryAfterMs ?? 1000);
      try {
        await this.#append([incoming], link, outcomes);
        return;
      } catch (again) {
        error = EverywireError.from(again);
      }
    }
    outcomes.set(incoming, this.#refuse(packet, link, error));
  }

  #refuse(packet: PublishPacket, link: MqttLink, error: EverywireError): Outcome {
    if (error.code === "internal") console.error("A publish over MQTT failed", error.cause ?? error);
    const { packetId } = packet;
    if (packet.qos === 0 || packetId === undefined) return undefined;
    // What may have been stored all the same is not refused: the client sends it again, and it is known again.
    const mayBeStored = error.code === "internal" || error.code === "unavailable";
    if (mayBeStored || link.version !== 5) return error;
    this.#host.store.forgetMessage(packetId);
    const properties =
      this.#host.store.state?.wantsReasons === true ? { properties: toReasonProperties(error) } : {};
    const cmd = packet.qos === 1 ? "puback" : "pubrec";
    return encodePacket({ cmd, messageId: packetId, reasonCode: toReasonCode(error), ...properties }, 5);
  }

  #acknowledge(packet: PublishPacket, link: MqttLink, result: PublishResult): Outcome {
    const { packetId: messageId } = packet;
    if (messageId === undefined) return undefined;
    const cmd = packet.qos === 1 ? "puback" : "pubrec";
    const isTold = link.version === 5 && this.#host.store.state?.wantsReasons === true;
    return isTold ? encodeStored(cmd, messageId, result) : encodeAcknowledgement(cmd, messageId);
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
