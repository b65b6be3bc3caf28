import type { ChannelName } from "../core/channel-name.ts";
import type { OperationContext } from "../core/context.ts";
import type { Identity } from "../core/identity.ts";
import { createId } from "../core/ids.ts";
import type { MqttOpening } from "../core/mqtt-session.ts";
import { toTopicName } from "../core/mqtt-topic.ts";
import { BadPacket, PROTOCOL_ERROR } from "../wire/mqtt-frame.ts";
import { ChannelFollower } from "./channel-follower.ts";
import type { Directory } from "./directory.ts";
import { MqttChannels } from "./mqtt-channels.ts";
import { encodeConnack, TOPIC_ALIAS_MAXIMUM } from "./mqtt-connack.ts";
import { MqttInbound, toReceiveMaximum } from "./mqtt-inbound.ts";
import { MqttLink } from "./mqtt-link.ts";
import { MqttOutbound } from "./mqtt-outbound.ts";
import { encodePacket, REASON } from "./mqtt-packets.ts";
import type { MqttRetained } from "./mqtt-retained.ts";
import { sendRetained } from "./mqtt-send-retained.ts";
import type { SessionState } from "./mqtt-session-state.ts";
import { expiresAtMs, nextSessionAlarmMs, toExpirySeconds, willDueMs } from "./mqtt-session-state.ts";
import { SessionStore } from "./mqtt-session-store.ts";
import type { MqttShare } from "./mqtt-share.ts";
import { MqttShares } from "./mqtt-shares.ts";
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
/** How often it is looked whether an object that must not sleep now still must not. */
const AWAKE_MS = 5000;

/** A session: its connection, its end, and what holds its parts together. The shell calls one method after the other. */
export class MqttSessionCore {
  readonly store: SessionStore;
  readonly follower: ChannelFollower;
  readonly outbound: MqttOutbound;
  readonly inbound: MqttInbound;
  readonly subscribing: MqttSubscribing;
  readonly shares: MqttShares;
  link: MqttLink | undefined;
  readonly #object: DurableObjectState;
  readonly #peers: MqttPeers;
  readonly #toContext: (identity: Identity) => OperationContext;
  readonly #channels: MqttChannels;
  #alarmMs: number | undefined;
  /** Runs while the object must not sleep. */
  #awake: ReturnType<typeof setTimeout> | undefined;

  constructor(
    object: DurableObjectState,
    peers: MqttPeers,
    toContext: (identity: Identity) => OperationContext,
  ) {
    this.#object = object;
    this.#peers = peers;
    this.#toContext = toContext;
    this.store = new SessionStore(object.storage, () => this.follower.keep());
    this.#channels = new MqttChannels(
      () => this.context(),
      () => this.#retained,
    );
    const host = this.#createHost();
    this.outbound = new MqttOutbound(host);
    this.inbound = new MqttInbound(host);
    this.follower = this.#createFollower();
    this.shares = new MqttShares(this.#createShareHost());
    this.subscribing = new MqttSubscribing({
      store: this.store,
      follower: this.follower,
      outbound: this.outbound,
      shares: this.shares,
      context: host.context,
      follow: () => this.#follow(),
      sendRetained: (subscription) =>
        sendRetained(subscription, this.#retained, this.#channels, this.outbound),
    });
    for (const socket of object.getWebSockets()) this.#restore(socket);
  }

  get #name(): string {
    return this.#object.id.name ?? "";
  }

  get #retained() {
    return this.#peers.MQTT_RETAINED.getByName("main");
  }

  get #directory() {
    return this.#peers.DIRECTORY.getByName("main");
  }

  context(): OperationContext {
    const identity = this.store.state?.identity ?? { kind: "anonymous" as const, address: "" };
    return this.#toContext(identity);
  }

  /** A connection, in place of any that there is (MQTT 5 §3.1.4). */
  async connect(socket: WebSocket, opening: MqttOpening): Promise<void> {
    const { limits, hasRateLimits } = this.#toContext(opening.identity);
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
    const receiveMaximum = toReceiveMaximum(limits, hasRateLimits);
    link.send(encodeConnack(opening, state, before !== undefined, receiveMaximum, limits));
    this.#schedule();
    if (before === undefined) return;
    this.outbound.resend();
    if (state.isUntold) await this.#follow();
    await this.follower.resume();
    await this.shares.tellAll();
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
      await this.#directory.forget({ kind: "mqtt", id: this.#name });
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

  /** @see LiveSubscriberObject.onUnstored */
  async onUnstored(channel: string, json: string): Promise<void> {
    if (this.link !== undefined && (await this.#isWanted(channel))) this.outbound.sendUnstored(channel, json);
  }

  /** The client has taken something, so there is room for more. */
  async onRoom(): Promise<void> {
    this.outbound.sendQueued();
    await this.follower.run();
    if (this.shares.hasWaiting) await this.shares.tellWaiting();
  }

  /**
   * What is to be seen to when something was done: what a sleep would lose is kept beside the connection, and while there
   * is something that cannot be kept there, the object does not sleep.
   */
  afterTurn(): void {
    const snapshot = this.store.takeSnapshot();
    if (snapshot !== undefined) this.link?.keep(snapshot);
    const { store, follower, shares } = this;
    if (!store.isInTables && (store.isBusy || follower.isBehind || shares.hasWaiting)) {
      this.#awake ??= setTimeout(() => {
        this.#awake = undefined;
        this.afterTurn();
      }, AWAKE_MS);
    } else if (this.#awake !== undefined) {
      clearTimeout(this.#awake);
      this.#awake = undefined;
    }
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
    await this.shares.leaveAll();
    if (this.store.subscriptions.size > 0 || this.store.state?.isUntold === true) {
      await this.#directory.forget({ kind: "mqtt", id: this.#name });
    }
    this.follower.clear();
    this.#alarmMs = undefined;
    await this.store.end();
  }

  /**
   * Tells the directory what is followed. For a session that lasts it is noted first that it has to be told, so that it is
   * told in the end; another one ends where it cannot be.
   */
  async #follow(): Promise<void> {
    const { state, isInTables } = this.store;
    if (state === undefined) return;
    if (isInTables && !state.isUntold) this.store.save({ ...state, isUntold: true });
    const globs = new Set<string>();
    for (const { glob, share } of this.store.subscriptions.values()) if (share === undefined) globs.add(glob);
    await this.#directory.subscribe({ kind: "mqtt", id: this.#name }, [...globs]);
    const now = this.store.state;
    if (now?.isUntold === true) this.store.save({ ...now, isUntold: false });
  }

  #isWanted(channel: string): boolean | Promise<boolean> {
    const known = this.#channels.find(channel);
    const decide = (found: { readonly mayReceive: boolean; readonly topic: string | undefined }) =>
      found.mayReceive && (found.topic === undefined || this.outbound.matching(found.topic).length > 0);
    return known === undefined ? this.#channels.lookUp(channel).then(decide) : decide(known);
  }

  #restore(socket: WebSocket): void {
    const link = MqttLink.restore(socket);
    if (link === undefined) return;
    this.link = link;
    if (link.kept !== undefined) this.store.restore(link.kept);
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

  /** What the ways in and out need of the session. */
  #createHost() {
    const core = this;
    return {
      store: this.store,
      get link() {
        return core.link;
      },
      get window() {
        return Math.min(core.store.state?.receiveMaximum ?? 1, core.context().limits.MAX_MQTT_INFLIGHT);
      },
      get publisherId() {
        return core.store.state?.publisherId ?? "";
      },
      context: () => this.context(),
      findTopic: (channel: string) => this.#channels.find(channel)?.topic,
      onRoom: () => void this.onRoom(),
      keepRetained: async (messages: Parameters<MqttRetained["keep"]>[0]) => this.#retained.keep(messages),
      noteTopic: (channel: ChannelName, topic: string) => this.#channels.noteTopic(channel, topic),
    };
  }

  #createFollower(): ChannelFollower {
    return new ChannelFollower(this.#object.storage.sql, {
      isReading: () => this.link?.hasRoom === true && this.store.queued === 0,
      isLasting: () => this.store.isInTables,
      isWanted: (channel) => this.#isWanted(channel),
      take: (channel, events) => this.outbound.take(channel, events),
      read: (channel, after, limit) =>
        this.context().ports.channels.read(channel as ChannelName, { after, limit }),
      onFault: (thrown) => {
        console.warn(`${this.#name} could not read; it will.`, thrown);
        if (this.store.isInTables) this.#wakeAt(Date.now() + RETRY_MS);
        else setTimeout(() => void this.follower.resume(), RETRY_MS);
      },
    });
  }

  #createShareHost() {
    const core = this;
    return {
      store: this.store,
      outbound: this.outbound,
      channels: this.#channels,
      get isConnected() {
        return core.link !== undefined;
      },
      get name() {
        return core.#name;
      },
      group: (text: string) => this.#peers.MQTT_SHARE.getByName(text),
    };
  }
}

const DISCONNECT_WITH_WILL = 0x04;
