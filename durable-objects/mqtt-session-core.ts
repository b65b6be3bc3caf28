import type { ChannelName } from "../core/channel-name.ts";
import type { OperationContext } from "../core/context.ts";
import type { CloudEvent } from "../core/event.ts";
import type { Identity } from "../core/identity.ts";
import { createId } from "../core/ids.ts";
import type { MqttOpening } from "../core/mqtt-session.ts";
import { matchesTopicFilter, toTopicName } from "../core/mqtt-topic.ts";
import { mayReceive } from "../core/operations/follow-channels.ts";
import { BadPacket, PROTOCOL_ERROR } from "../wire/mqtt-frame.ts";
import { ChannelFollower } from "./channel-follower.ts";
import type { Directory } from "./directory.ts";
import { toDeliveryFacts } from "./mqtt-event.ts";
import { MqttInbound, TOPIC_ALIAS_MAXIMUM } from "./mqtt-inbound.ts";
import { MqttLink } from "./mqtt-link.ts";
import { MqttOutbound } from "./mqtt-outbound.ts";
import { encodePacket, REASON } from "./mqtt-packets.ts";
import type { MqttRetained } from "./mqtt-retained.ts";
import { listServerTopics } from "./mqtt-server-topics.ts";
import type { SessionState, Subscription } from "./mqtt-session-state.ts";
import { expiresAtMs, nextSessionAlarmMs, toExpirySeconds, willDueMs } from "./mqtt-session-state.ts";
import { SessionStore } from "./mqtt-session-store.ts";
import type { MqttShare, SharedEvent } from "./mqtt-share.ts";
import { MAY_NOT_READ } from "./mqtt-share.ts";
import { MqttSubscribing } from "./mqtt-subscribing.ts";
import { publishWill } from "./mqtt-will.ts";
import type { ChannelNews } from "./subscriber.ts";

/** The objects that a session talks to. */
export interface MqttPeers {
  readonly DIRECTORY: DurableObjectNamespace<Directory>;
  readonly MQTT_RETAINED: DurableObjectNamespace<MqttRetained>;
  readonly MQTT_SHARE: DurableObjectNamespace<MqttShare>;
}

const RETRY_MS = 2000;
const MAX_KNOWN_CHANNELS = 2000;

/** A session: its connection, its end, and what holds its parts together. The shell calls one method after the other. */
export class MqttSessionCore {
  readonly store: SessionStore;
  readonly follower: ChannelFollower;
  readonly outbound: MqttOutbound;
  readonly inbound: MqttInbound;
  readonly subscribing: MqttSubscribing;
  link: MqttLink | undefined;
  readonly #object: DurableObjectState;
  readonly #peers: MqttPeers;
  readonly #toContext: (identity: Identity) => OperationContext;
  /** Whether the client may have events of a channel, and what the channel's topic is. */
  readonly #channels = new Map<
    string,
    { readonly mayReceive: boolean; readonly topic: string | undefined }
  >();
  /** Shared subscriptions that had something for which there was no room. */
  readonly #waitingShares = new Set<string>();
  #alarmMs: number | undefined;

  constructor(
    object: DurableObjectState,
    peers: MqttPeers,
    toContext: (identity: Identity) => OperationContext,
  ) {
    this.#object = object;
    this.#peers = peers;
    this.#toContext = toContext;
    this.store = new SessionStore(object.storage);
    const core = this;
    const follow = () => this.#follow();
    const host = {
      store: this.store,
      get link() {
        return core.link;
      },
      get window() {
        return Math.min(core.store.state?.receiveMaximum ?? 1, core.context().limits.MAX_MQTT_INFLIGHT);
      },
      get receiveMaximum() {
        return core.context().limits.MAX_MQTT_INFLIGHT;
      },
      get publisherId() {
        return core.store.state?.publisherId ?? "";
      },
      context: () => this.context(),
      findTopic: (channel: string) => this.#channels.get(channel)?.topic,
      onRoom: () => void this.onRoom(),
      keepRetained: async (messages: Parameters<MqttRetained["keep"]>[0]) => this.#retained.keep(messages),
      noteTopic: (channel: ChannelName, topic: string) => this.#noteTopic(channel, topic),
      follow,
      joinShare: async ({ text, glob }: Subscription) =>
        this.#peers.MQTT_SHARE.getByName(text).join(this.#name, glob),
      leaveShare: (subscription: Subscription) => this.#leaveShare(subscription),
      sendRetained: (subscription: Subscription) => this.#sendRetained(subscription),
    };
    this.outbound = new MqttOutbound(host);
    this.inbound = new MqttInbound(host);
    this.follower = new ChannelFollower(object.storage.sql, {
      isReading: () => this.link?.hasRoom === true && this.store.queued === 0,
      isLasting: () => (this.store.state?.expirySeconds ?? 0) > 0,
      isWanted: (channel) => this.#isWanted(channel),
      take: (channel, events) => this.outbound.take(channel, events),
      read: (channel, after, limit) =>
        this.context().ports.channels.read(channel as ChannelName, { after, limit }),
      onFault: (thrown) => {
        console.warn(`${this.#name} could not read; it will.`, thrown);
        this.#wakeAt(Date.now() + RETRY_MS);
      },
    });
    this.subscribing = new MqttSubscribing({ ...host, follower: this.follower, outbound: this.outbound });
  }

  get #name(): string {
    return this.#object.id.name ?? "";
  }

  get #retained() {
    return this.#peers.MQTT_RETAINED.getByName("main");
  }

  context(): OperationContext {
    const identity = this.store.state?.identity ?? { kind: "anonymous" as const, address: "" };
    return this.#toContext(identity);
  }

  /** A connection, in place of any that there is (MQTT 5 §3.1.4). */
  async connect(socket: WebSocket, opening: MqttOpening): Promise<void> {
    const { limits } = this.#toContext(opening.identity);
    await this.#endBefore(opening);
    const before = this.store.state;
    const state: SessionState = {
      clientId: opening.clientId,
      publisherId: before?.publisherId ?? createId("mbr"),
      identity: opening.identity,
      version: opening.version,
      expirySeconds: toExpirySeconds(opening.expirySeconds, limits.MAX_MQTT_SESSION_SECONDS),
      endedMs: undefined,
      will: opening.will,
      receiveMaximum: opening.receiveMaximum,
      maximumPacketBytes: opening.maximumPacketBytes,
      topicAliasMaximum: Math.min(opening.topicAliasMaximum, TOPIC_ALIAS_MAXIMUM),
      wantsReasons: opening.wantsReasons,
      isUntold: before?.isUntold ?? false,
    };
    if (before === undefined) {
      this.store.begin(state);
      this.follower.begin();
    } else {
      this.store.clearAliases();
      this.store.save(state);
    }
    this.#channels.clear();
    this.outbound.onSubscriptionsChanged();
    const link = new MqttLink(socket, opening.version);
    this.link = link;
    link.send(encodePacket(toConnack(opening, state, before !== undefined, limits), opening.version));
    this.#schedule();
    if (before === undefined) return;
    this.outbound.resend();
    if (state.isUntold) await this.#follow();
    await this.follower.resume();
    await Promise.all(
      [...this.store.subscriptions.values()].map((subscription) => this.#tellShare(subscription)),
    );
  }

  /** Ends what was there: another connection, a session that is over, or one that the client does not want. */
  async #endBefore({ isCleanStart }: MqttOpening): Promise<void> {
    const old = this.link;
    if (old !== undefined) {
      if (old.version === 5) old.send(encodePacket({ cmd: "disconnect", reasonCode: REASON.TAKEN_OVER }, 5));
      await this.onCut();
    } else if (this.store.state !== undefined && this.store.state.endedMs === undefined) {
      // The runtime died under the connection.
      await this.onCut();
    }
    const { state } = this.store;
    if (state === undefined) return;
    if (isCleanStart || expiresAtMs(state) <= Date.now()) await this.#endSession();
  }

  /** The client says goodbye. @throws BadPacket */
  async disconnect(reasonCode: number, expirySeconds: number | undefined): Promise<void> {
    const { state } = this.store;
    if (state === undefined) return;
    if (expirySeconds !== undefined && expirySeconds > 0 && state.expirySeconds === 0) {
      throw new BadPacket(
        PROTOCOL_ERROR,
        "A session that ends with its connection cannot be given more time.",
      );
    }
    const { limits } = this.context();
    this.store.save({
      ...state,
      expirySeconds:
        expirySeconds === undefined
          ? state.expirySeconds
          : toExpirySeconds(expirySeconds, limits.MAX_MQTT_SESSION_SECONDS),
      // Only 0x04 asks for the will to be published all the same (§3.14.2.1).
      will: reasonCode === DISCONNECT_WITH_WILL ? state.will : undefined,
    });
    await this.onCut();
  }

  /** The connection is over. */
  async onCut(): Promise<void> {
    this.link?.close();
    this.link = undefined;
    const { state } = this.store;
    if (state === undefined || state.endedMs !== undefined) return;
    this.store.save({ ...state, endedMs: Date.now() });
    await this.#settle();
  }

  /** Does what is due for a session without a connection: its will, its end. */
  async #settle(): Promise<void> {
    const { state } = this.store;
    if (state === undefined || state.endedMs === undefined) return;
    const nowMs = Date.now();
    if (expiresAtMs(state) <= nowMs) return this.#endSession();
    if (state.will !== undefined && willDueMs(state) <= nowMs) await this.#publishWill();
    this.#schedule();
  }

  async #publishWill(): Promise<void> {
    const { state } = this.store;
    if (state?.will === undefined) return;
    await publishWill(this.context(), state.will, this.#retained);
    const now = this.store.state;
    if (now !== undefined) this.store.save({ ...now, will: undefined });
  }

  /** The end: nobody is told of anything any more. */
  async #endSession(): Promise<void> {
    await this.#publishWill();
    for (const subscription of this.store.subscriptions.values()) {
      if (subscription.share !== undefined) await this.#leaveShare(subscription);
    }
    if (this.store.subscriptions.size > 0 || this.store.state?.isUntold === true) {
      await this.#peers.DIRECTORY.getByName("main").forget({ kind: "mqtt", id: this.#name });
    }
    this.follower.clear();
    this.#alarmMs = undefined;
    await this.store.end();
  }

  async onAlarm(): Promise<void> {
    this.#alarmMs = undefined;
    const { state } = this.store;
    if (state === undefined) return;
    if (state.endedMs === undefined && this.link === undefined) return this.onCut();
    if (state.endedMs !== undefined) await this.#settle();
    if (this.store.state?.isUntold === true) await this.#follow();
    if (this.link !== undefined) await this.follower.resume();
    this.#schedule();
  }

  async onNews(news: ChannelNews): Promise<void> {
    const { state } = this.store;
    if (state === undefined) {
      await this.#peers.DIRECTORY.getByName("main").forget({ kind: "mqtt", id: this.#name });
      return;
    }
    if (this.link === undefined && state.endedMs === undefined) {
      // The connection ended with the runtime, and nobody has looked since.
      this.#wakeAt(Date.now());
      if (state.expirySeconds === 0) return;
    }
    const topic = toTopicName(news.channel);
    if (topic !== undefined && this.outbound.matching(topic).length === 0) return;
    this.follower.onNews(news);
  }

  /** The client has taken something, so there is room for more. */
  async onRoom(): Promise<void> {
    this.outbound.sendQueued();
    await this.follower.run();
    for (const text of this.#waitingShares) {
      if (!this.outbound.hasRoom) return;
      this.#waitingShares.delete(text);
      const subscription = this.store.subscriptions.get(text);
      if (subscription !== undefined) await this.#tellShare(subscription);
    }
  }

  /** @see ShareMember.offer */
  async offer(text: string, events: readonly SharedEvent[]): Promise<number> {
    const [first] = events;
    const subscription = this.store.subscriptions.get(text);
    if (first === undefined || subscription === undefined || this.link === undefined) return 0;
    const { mayReceive: isAllowed, topic: known } = await this.#lookUp(first.channel);
    if (!isAllowed) return MAY_NOT_READ;
    let taken = 0;
    for (const { channel, json } of events) {
      if (!this.outbound.hasRoom) break;
      taken += 1;
      const facts = toDeliveryFacts(JSON.parse(json) as CloudEvent);
      const topic = facts.topic ?? known;
      const isExpired = facts.expiresMs !== undefined && facts.expiresMs <= Date.now();
      if (topic === undefined || isExpired || !matchesTopicFilter(topic, subscription.filter)) continue;
      const { identifier, retainAsPublished, hasAfter } = subscription;
      const identifiers = identifier === undefined ? [] : [identifier];
      const isRetained = retainAsPublished && facts.isRetained;
      const delivery = {
        channel,
        topic,
        json,
        isRetained,
        identifiers,
        wantsSequence: hasAfter,
        share: text,
      };
      this.outbound.send(delivery, Math.min(subscription.qos, facts.qos) as 0 | 1 | 2);
    }
    if (taken < events.length) this.#waitingShares.add(text);
    return taken;
  }

  /** Holds a client to the messages that it may have on their way (MQTT 5 §3.3.4). @throws BadPacket */
  assertReceiveMaximum(packets: readonly Uint8Array[], version: number): void {
    const maximum = this.context().limits.MAX_MQTT_INFLIGHT;
    if (version !== 5 || packets.length + this.store.unreleased <= maximum) return;
    const waiting = packets.filter(([header = 0]) => header >> 4 === 3 && (header & 6) !== 0).length;
    if (waiting + this.store.unreleased <= maximum) return;
    throw new BadPacket(REASON.RECEIVE_MAXIMUM, `At most ${maximum} messages are unacknowledged at once.`);
  }

  /** Tells the directory what is followed; durable on our side first, so that it is told in the end. */
  async #follow(): Promise<void> {
    const { state } = this.store;
    if (state === undefined) return;
    if (!state.isUntold) this.store.save({ ...state, isUntold: true });
    const globs = new Set<string>();
    for (const { glob, share } of this.store.subscriptions.values()) if (share === undefined) globs.add(glob);
    await this.#peers.DIRECTORY.getByName("main").subscribe({ kind: "mqtt", id: this.#name }, [...globs]);
    const now = this.store.state;
    if (now !== undefined) this.store.save({ ...now, isUntold: false });
  }

  /** What this member had of a group and did not acknowledge goes back to it. */
  async #leaveShare({ text }: Subscription): Promise<void> {
    const mine = this.store.listOutbound().filter(({ delivery }) => delivery.share === text);
    const unacknowledged = mine
      .filter(({ phase }) => phase !== "released")
      .map(({ delivery: { channel, json } }) => ({ channel, json }));
    // While the client is there, it may still acknowledge what it has.
    const given = this.link === undefined ? unacknowledged : [];
    await this.#peers.MQTT_SHARE.getByName(text).leave(this.#name, given);
  }

  async #tellShare({ text, share }: Subscription): Promise<void> {
    if (share !== undefined) await this.#peers.MQTT_SHARE.getByName(text).onReady(this.#name);
  }

  /** Sends what the topics that a new subscription matches have kept (MQTT 5 §3.3.1.3). */
  async #sendRetained({ filter, glob, qos, identifier, hasAfter }: Subscription): Promise<void> {
    const identifiers = identifier === undefined ? [] : [identifier];
    const send = (channel: string, topic: string, json: string) => {
      const delivery = { channel, topic, json, isRetained: true, identifiers, wantsSequence: hasAfter };
      this.outbound.send(
        delivery,
        Math.min(qos, toDeliveryFacts(JSON.parse(json) as CloudEvent).qos) as 0 | 1 | 2,
      );
    };
    if (filter.startsWith("$SYS/")) {
      const topics = await listServerTopics(this.#retained);
      for (const { topic, json } of topics) if (matchesTopicFilter(topic, filter)) send("", topic, json);
      return;
    }
    let afterChannel: string | undefined = "";
    while (afterChannel !== undefined) {
      const page: Awaited<ReturnType<MqttRetained["find"]>> = await this.#retained.find({
        filter,
        glob,
        afterChannel,
      });
      for (const { channel, topic, json } of page.messages) {
        if ((await this.#lookUp(channel)).mayReceive) send(channel, topic, json);
      }
      afterChannel = page.next;
    }
  }

  #isWanted(channel: string): boolean | Promise<boolean> {
    const known = this.#channels.get(channel);
    const decide = (found: { readonly mayReceive: boolean; readonly topic: string | undefined }) =>
      found.mayReceive && (found.topic === undefined || this.outbound.matching(found.topic).length > 0);
    return known === undefined ? this.#lookUp(channel).then(decide) : decide(known);
  }

  async #lookUp(channel: string) {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const found = {
      mayReceive: await mayReceive(this.context(), channel as ChannelName),
      topic: toTopicName(channel) ?? (await this.#retained.findTopic(channel)),
    };
    if (this.#channels.size > MAX_KNOWN_CHANNELS) this.#channels.clear();
    this.#channels.set(channel, found);
    return found;
  }

  /** Notes the topic of a channel that does not give it back, once: other wires publish to the channel too. */
  async #noteTopic(channel: ChannelName, topic: string): Promise<void> {
    if (toTopicName(channel) !== undefined || (await this.#lookUp(channel)).topic !== undefined) return;
    await this.#retained.noteTopic(channel, topic);
    this.#channels.delete(channel);
  }

  #schedule(): void {
    const dueMs = nextSessionAlarmMs(this.store.state, Date.now());
    if (dueMs !== undefined) this.#wakeAt(dueMs);
  }

  /** The earlier of two alarms counts: one that comes too early finds nothing to do and is set anew. */
  #wakeAt(dueMs: number): void {
    if (this.#alarmMs !== undefined && this.#alarmMs <= dueMs && this.#alarmMs > Date.now()) return;
    this.#alarmMs = dueMs;
    void this.#object.storage.setAlarm(dueMs);
  }
}

const DISCONNECT_WITH_WILL = 0x04;

function toConnack(
  opening: MqttOpening,
  state: SessionState,
  sessionPresent: boolean,
  limits: OperationContext["limits"],
) {
  if (opening.version !== 5) return { cmd: "connack" as const, returnCode: 0, sessionPresent };
  return {
    cmd: "connack" as const,
    reasonCode: REASON.SUCCESS,
    sessionPresent,
    properties: {
      ...(state.expirySeconds === opening.expirySeconds
        ? {}
        : { sessionExpiryInterval: state.expirySeconds }),
      ...(opening.isIdAssigned ? { assignedClientIdentifier: opening.clientId } : {}),
      receiveMaximum: limits.MAX_MQTT_INFLIGHT,
      maximumPacketSize: limits.MAX_MQTT_PACKET_BYTES,
      topicAliasMaximum: TOPIC_ALIAS_MAXIMUM,
    },
  };
}
