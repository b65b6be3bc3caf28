import type { ChannelName } from "../core/channel-name.ts";
import type { OperationContext } from "../core/context.ts";
import type { Identity } from "../core/identity.ts";
import { toTopicName } from "../core/mqtt-topic.ts";
import { ChannelFollower } from "./channel-follower.ts";
import type { Directory } from "./directory.ts";
import { MqttChannels } from "./mqtt-channels.ts";
import { MqttInbound } from "./mqtt-inbound.ts";
import { MqttLink } from "./mqtt-link.ts";
import { MqttOutbound } from "./mqtt-outbound.ts";
import type { MqttRetained } from "./mqtt-retained.ts";
import { sendRetained } from "./mqtt-send-retained.ts";
import type { SessionParts } from "./mqtt-session-life.ts";
import { MqttSessionLife } from "./mqtt-session-life.ts";
import { SessionStore } from "./mqtt-session-store.ts";
import type { MqttShare } from "./mqtt-share.ts";
import { MqttShares } from "./mqtt-shares.ts";
import { MqttSubscribing } from "./mqtt-subscribing.ts";
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

/** A session: its parts, and what holds them together. The shell calls one method after the other. */
export class MqttSessionCore {
  readonly store: SessionStore;
  readonly follower: ChannelFollower;
  readonly outbound: MqttOutbound;
  readonly inbound: MqttInbound;
  readonly subscribing: MqttSubscribing;
  readonly shares: MqttShares;
  readonly life: MqttSessionLife;
  link: MqttLink | undefined;
  readonly #object: DurableObjectState;
  readonly #peers: MqttPeers;
  readonly #toContext: (identity: Identity) => OperationContext;
  readonly #channels: MqttChannels;
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
    this.life = new MqttSessionLife(this.#createParts());
    this.subscribing = new MqttSubscribing({
      store: this.store,
      follower: this.follower,
      outbound: this.outbound,
      shares: this.shares,
      context: host.context,
      follow: () => this.life.follow(),
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

  async onNews(news: ChannelNews): Promise<void> {
    const { state } = this.store;
    if (state === undefined) {
      await this.#directory.forget({ kind: "mqtt", id: this.#name });
      return;
    }
    if (this.link === undefined && state.endedMs === undefined) {
      // The connection ended with the runtime, and nobody has looked since.
      this.life.wakeAt(Date.now());
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
      isReading: () => this.link?.hasRoom === true && this.store.outbound.queued === 0,
      isLasting: () => this.store.isInTables,
      isWanted: (channel) => this.#isWanted(channel),
      take: (channel, events) => this.outbound.take(channel, events),
      read: (channel, after, limit) =>
        this.context().ports.channels.read(channel as ChannelName, { after, limit }),
      onFault: (thrown) => {
        console.warn(`${this.#name} could not read; it will.`, thrown);
        if (this.store.isInTables) this.life.wakeAt(Date.now() + RETRY_MS);
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

  #createParts(): SessionParts {
    const core = this;
    return {
      store: this.store,
      follower: this.follower,
      outbound: this.outbound,
      shares: this.shares,
      channels: this.#channels,
      get name() {
        return core.#name;
      },
      get directory() {
        return core.#directory;
      },
      get retained() {
        return core.#retained;
      },
      get link() {
        return core.link;
      },
      set link(link) {
        core.link = link;
      },
      context: () => this.context(),
      toContext: this.#toContext,
      setAlarm: (dueMs) => void this.#object.storage.setAlarm(dueMs),
    };
  }
}
