import type { CloudEvent } from "../core/event.ts";
import { matchesTopicFilter, toTopicName } from "../core/mqtt-topic.ts";
import type { StoredEvent } from "../core/ports.ts";
import { encodeAcknowledgement } from "../wire/mqtt-acknowledgement.ts";
import type { PublishProperties } from "../wire/mqtt-publish.ts";
import { encodePublish } from "../wire/mqtt-publish.ts";
import type { SaysSequence } from "./mqtt-event.ts";
import { toDeliveryFacts, toOutgoing } from "./mqtt-event.ts";
import type { MqttLink } from "./mqtt-link.ts";
import { encodePacket, REASON } from "./mqtt-packets.ts";
import type { Delivery, Subscription } from "./mqtt-session-state.ts";
import type { SessionStore } from "./mqtt-session-store.ts";

/** What the way out needs of the session. */
export interface OutboundHost {
  readonly store: SessionStore;
  readonly link: MqttLink | undefined;
  /** How many QoS 1 and 2 messages may be on their way. */
  readonly window: number;
  /** Which session this is, as events say it. */
  readonly publisherId: string;
  /** The topic of a channel whose name does not give it back, where it was noted. */
  findTopic(channel: string): string | undefined;
  /** There is room for more messages. */
  onRoom(): void;
}

/** The way from the log to the client: which events, as which packets, and what has not been acknowledged yet. */
export class MqttOutbound {
  readonly #host: OutboundHost;
  /** The subscriptions that match a topic: asked for every event, and changed with SUBSCRIBE alone. */
  readonly #matching = new Map<string, readonly Subscription[]>();

  constructor(host: OutboundHost) {
    this.#host = host;
  }

  /** Forgets which subscriptions match what. */
  onSubscriptionsChanged(): void {
    this.#matching.clear();
  }

  get hasRoom(): boolean {
    const { link, store, window } = this.#host;
    return link?.hasRoom === true && store.outbound.inFlight < window;
  }

  /** The subscriptions of its own that a topic matches; shared ones are served by their group. */
  matching(topic: string): readonly Subscription[] {
    const known = this.#matching.get(topic);
    if (known !== undefined) return known;
    const found = [...this.#host.store.subscriptions.values()].filter(
      ({ filter, share }) => share === undefined && matchesTopicFilter(topic, filter),
    );
    if (this.#matching.size > 1000) this.#matching.clear();
    this.#matching.set(topic, found);
    return found;
  }

  /** Takes events of a channel, one after the other, until there is no room. Gives how many were taken. */
  take(channel: string, events: readonly StoredEvent[]): number {
    let taken = 0;
    for (const { json } of events) {
      if (this.#host.link?.hasRoom !== true || !this.#takeOne(channel, json)) break;
      taken += 1;
    }
    return taken;
  }

  /** Sends an event that is not stored: at QoS 0, and not at all where there is no room for it. */
  sendUnstored(channel: string, json: string): void {
    if (this.#host.link?.hasRoom !== true) return;
    const found = this.#toDelivery(channel, json);
    if (found !== undefined) this.send(found.delivery, 0);
  }

  #takeOne(channel: string, json: string): boolean {
    const { store, window } = this.#host;
    const found = this.#toDelivery(channel, json);
    if (found === undefined) return true;
    // Those that wait go first, or order would be lost.
    if (found.qos > 0 && (store.outbound.inFlight >= window || store.outbound.queued > 0)) return false;
    this.send(found.delivery, found.qos);
    return true;
  }

  /** An event as a message for the client; undefined where it is none. */
  #toDelivery(channel: string, json: string): { delivery: Delivery; qos: 0 | 1 | 2 } | undefined {
    const { publisherId } = this.#host;
    const event = JSON.parse(json) as CloudEvent;
    const facts = toDeliveryFacts(event);
    const topic = facts.topic ?? toTopicName(channel) ?? this.#host.findTopic(channel);
    if (topic === undefined) return undefined;
    if (facts.expiresMs !== undefined && facts.expiresMs <= Date.now()) return undefined;
    const subscriptions = this.matching(topic).filter(
      ({ noLocal }) => !noLocal || facts.publisher !== publisherId,
    );
    if (subscriptions.length === 0) return undefined;
    const granted = Math.max(...subscriptions.map(({ qos }) => qos));
    const qos = Math.min(granted, facts.qos) as 0 | 1 | 2;
    const delivery: Delivery = {
      channel,
      topic,
      json,
      isRetained: facts.isRetained && subscriptions.some(({ retainAsPublished }) => retainAsPublished),
      identifiers: subscriptions.flatMap(({ identifier }) => (identifier === undefined ? [] : [identifier])),
      wantsSequence: subscriptions.some(({ hasAfter }) => hasAfter),
    };
    return { delivery, qos };
  }

  /** Sends a message, or keeps it until there is room for it. */
  send(delivery: Delivery, qos: 0 | 1 | 2): void {
    const { store, window, link } = this.#host;
    if (qos === 0) {
      this.#publish(delivery, 0, undefined, false);
      return;
    }
    const isSent = link?.hasRoom === true && store.outbound.inFlight < window && store.outbound.queued === 0;
    const packetId = store.outbound.add(delivery, qos, isSent);
    if (packetId === undefined) store.settleSize();
    if (packetId !== undefined && !this.#publish(delivery, qos, packetId, false))
      store.outbound.remove(packetId);
  }

  /** Sends what waits, as far as there is room. */
  sendQueued(): void {
    const { store } = this.#host;
    while (store.outbound.queued > 0 && this.hasRoom) {
      const row = store.outbound.sendQueued();
      if (row === undefined) return;
      if (!this.#publish(row.delivery, row.qos, row.packetId, false)) store.outbound.remove(row.packetId);
    }
  }

  /** Sends again, in order, what a connection before this one left unacknowledged (MQTT-4.4.0-1). */
  resend(): void {
    const { store, link } = this.#host;
    for (const { packetId, phase, qos, delivery } of store.outbound.list()) {
      if (packetId === undefined) continue;
      if (phase === "released") {
        link?.send(encodeAcknowledgement("pubrel", packetId));
      } else if (!this.#publish(delivery, qos, packetId, true)) {
        store.outbound.remove(packetId);
      }
    }
    this.sendQueued();
  }

  onPuback(packetId: number): void {
    if (this.#host.store.outbound.find(packetId)?.qos !== 1) return;
    this.#remove(packetId);
  }

  onPubrec(packetId: number, reasonCode: number): void {
    const { store, link } = this.#host;
    const known = store.outbound.find(packetId)?.qos === 2;
    if (reasonCode >= 0x80) {
      if (known) this.#remove(packetId);
      return;
    }
    if (known) store.outbound.release(packetId);
    if (known || link?.version !== 5) link?.send(encodeAcknowledgement("pubrel", packetId));
    else
      link.send(
        encodePacket({ cmd: "pubrel", messageId: packetId, reasonCode: REASON.UNKNOWN_PACKET_ID }, 5),
      );
  }

  onPubcomp(packetId: number): void {
    if (this.#host.store.outbound.find(packetId)?.phase === "released") this.#remove(packetId);
  }

  #remove(packetId: number): void {
    this.#host.store.outbound.remove(packetId);
    this.sendQueued();
    this.#host.onRoom();
  }

  /** False where the client never gets it: it has expired, or the client takes no packet of this size. */
  #publish(delivery: Delivery, qos: 0 | 1 | 2, packetId: number | undefined, isDuplicate: boolean): boolean {
    const { link, store } = this.#host;
    const { state } = store;
    if (link === undefined || state === undefined) return true;
    const event = JSON.parse(delivery.json) as CloudEvent;
    const nowMs = Date.now();
    const { expiresMs } = toDeliveryFacts(event);
    if (expiresMs !== undefined && expiresMs <= nowMs) return false;
    const { version } = link;
    const { isRetained, identifiers } = delivery;
    const toMessage = (says: SaysSequence) => {
      const { payload, properties } = toOutgoing(event, delivery.json, version, says, nowMs);
      return { payload, properties: { ...properties, subscriptionIds: identifiers } };
    };
    const encode = (topic: string, properties: PublishProperties) =>
      encodePublish(
        { topic, qos, isRetained, isDuplicate, packetId, properties, payload: message.payload },
        version,
      );
    let message = toMessage(delivery.wantsSequence ? "always" : "if-alone");
    let plain = encode(delivery.topic, message.properties);
    const maximum = state.maximumPacketBytes ?? Number.POSITIVE_INFINITY;
    if (plain.byteLength > maximum && !delivery.wantsSequence) {
      // What we add is not what a message fails by.
      message = toMessage("never");
      plain = encode(delivery.topic, message.properties);
    }
    if (plain.byteLength > maximum) return false;
    const { properties } = message;
    // The alias itself takes 3 bytes, and may make the length of the properties one longer.
    const hasAliases = version === 5 && plain.byteLength + 4 <= maximum;
    const alias = hasAliases ? store.aliasFor(delivery.topic, state.topicAliasMaximum) : undefined;
    const packet =
      alias === undefined
        ? plain
        : encode(alias.isNew ? delivery.topic : "", { ...properties, topicAlias: alias.alias });
    link.send(packet);
    return true;
  }
}
