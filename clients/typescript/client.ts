import { NamedChannel } from "./channel.ts";
import { assertChannelName } from "./channel-name.ts";
import type { Credentials } from "./credentials.ts";
import { EverywireError } from "./error.ts";
import type { NewEvent, Published } from "./event.ts";
import { isEphemeralType } from "./event.ts";
import type { Ladder } from "./ladder.ts";
import { LatestValues } from "./latest.ts";
import type { Log } from "./log.ts";
import type { SubscribeOptions, Timing } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { ChannelPresence } from "./presence.ts";
import type { ChannelSchema } from "./schema.ts";
import { ChannelSubscription } from "./subscription.ts";
import type { Transport, TransportName } from "./transport.ts";
import type { WebTransportWire } from "./transports/webtransport.ts";
import type {
  Channel,
  Client,
  ClientStats,
  Page,
  Presence,
  ReadOptions,
  Subscription,
  TypedEvent,
  TypedNewEvent,
} from "./types.ts";

export interface ClientParts {
  readonly url: string;
  readonly log: Log;
  readonly ladder: Ladder;
  /** All wires that are known, also those that may not be used unless a subscription names one. */
  readonly transports: readonly Transport[];
  readonly credentials: Credentials;
  readonly timing: Timing;
  readonly maxQueued: number;
  readonly webTransport: WebTransportWire;
}

export class EverywireClient implements Client {
  readonly url: string;
  readonly #parts: ClientParts;
  readonly #outbox: Outbox;
  readonly #latest: LatestValues;
  readonly #subscriptions = new Map<string, Set<ChannelSubscription>>();
  readonly #presences = new Set<Presence>();
  #isClosed = false;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.url = parts.url;
    const { log, timing, maxQueued } = parts;
    this.#latest = new LatestValues((channel, event) => log.append(channel, [event]));
    this.#outbox = new Outbox({
      post: (channel, events) => log.append(channel, events),
      connectionTo: (channel) => this.#connectionTo(channel),
      timing,
      maxQueued,
    });
    // In a browser: the network is back, so nothing has to wait for its time.
    globalThis.addEventListener?.("online", this.#onOnline);
  }

  get stats(): ClientStats {
    const { queued, published, resent } = this.#outbox;
    return { queued, published, resent, sessions: this.#parts.webTransport.stats };
  }

  publish(channel: string, event: NewEvent): Promise<Published> {
    try {
      this.#assertOpen();
      assertChannelName(channel);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    // What is not stored is worth nothing later, so it does not wait.
    if (isEphemeralType(event.type)) return this.#publishNow(channel, event);
    return this.#outbox.publish(channel, event);
  }

  publishLatest(channel: string, event: NewEvent): void {
    this.#assertOpen();
    assertChannelName(channel);
    if (!this.#parts.webTransport.sendLatest(channel, event)) this.#latest.publish(channel, event);
  }

  subscribe(channel: string, options?: SubscribeOptions): Subscription;
  subscribe<const Schema extends ChannelSchema>(
    channel: string,
    options: SubscribeOptions<Schema>,
  ): Subscription<TypedEvent<Schema>>;
  subscribe(channel: string, options: SubscribeOptions<ChannelSchema | undefined> = {}): Subscription {
    return this.#subscribe(channel, options);
  }

  #subscribe(channel: string, options: SubscribeOptions<ChannelSchema | undefined>): ChannelSubscription {
    this.#assertOpen();
    assertChannelName(channel);
    const { ladder, log, credentials, timing } = this.#parts;
    const pinned = options.transport === undefined ? undefined : this.#find(options.transport);
    const subscription = new ChannelSubscription({ onClosed: (over) => this.#forget(over) }, options, {
      channel,
      pinned,
      ladder,
      log,
      credentials,
      timing,
    });
    // It may have been closed by its signal already.
    if (subscription.state === "closed") return subscription;
    const others = this.#subscriptions.get(channel);
    if (others === undefined) this.#subscriptions.set(channel, new Set([subscription]));
    else others.add(subscription);
    subscription.on("state", (state) => {
      if (state === "live") this.#outbox.hurry();
    });
    return subscription;
  }

  read(channel: string, options?: ReadOptions): Promise<Page> {
    return this.#parts.log.read(channel, options);
  }

  channel(name: string): Channel;
  channel<const Schema extends ChannelSchema>(
    name: string,
    options: { readonly schema: Schema },
  ): Channel<TypedEvent<Schema>, TypedNewEvent<Schema>>;
  channel(name: string, options?: { readonly schema: ChannelSchema }): Channel {
    assertChannelName(name);
    return new NamedChannel(this, name, options?.schema);
  }

  presence(channel: string): Presence {
    const [shared] = this.#subscriptions.get(channel) ?? [];
    const subscription = shared ?? this.#subscribe(channel, {});
    // Nobody reads one that is there for this alone, so nothing may wait in it.
    if (shared === undefined) subscription.on("event", () => {});
    const presence = new ChannelPresence({
      subscription,
      isOwn: shared === undefined,
      list: () => this.#parts.log.presence(channel),
      onClosed: () => this.#presences.delete(presence),
    });
    this.#presences.add(presence);
    return presence;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    globalThis.removeEventListener?.("online", this.#onOnline);
    for (const presence of [...this.#presences]) presence.close();
    for (const subscriptions of [...this.#subscriptions.values()]) {
      for (const subscription of [...subscriptions]) subscription.close();
    }
    this.#outbox.close();
    this.#latest.close();
    this.#parts.webTransport.close();
  }

  #connectionTo(channel: string): ((event: NewEvent) => Promise<Published>) | undefined {
    for (const { open } of this.#subscriptions.get(channel) ?? []) {
      if (open?.publish !== undefined) return open.publish;
    }
    return undefined;
  }

  async #publishNow(channel: string, event: NewEvent): Promise<Published> {
    const publish = this.#connectionTo(channel);
    if (publish !== undefined) return publish(event);
    const [published] = await this.#parts.log.append(channel, [event]);
    return published as Published;
  }

  #find(name: TransportName): Transport {
    const transport = this.#parts.transports.find((one) => one.name === name);
    if (transport?.unavailable === undefined && transport !== undefined) return transport;
    const why = transport?.unavailable ?? "There is no such wire.";
    throw new EverywireError("invalid_argument", `'${name}' cannot be used here: ${why}`);
  }

  #forget(subscription: ChannelSubscription): void {
    const others = this.#subscriptions.get(subscription.channel);
    others?.delete(subscription);
    if (others?.size === 0) this.#subscriptions.delete(subscription.channel);
  }

  readonly #onOnline = () => {
    for (const subscriptions of this.#subscriptions.values()) {
      for (const subscription of subscriptions) subscription.hurry();
    }
    this.#outbox.hurry();
  };

  #assertOpen(): void {
    if (this.#isClosed) throw new EverywireError("unavailable", "The client is closed.");
  }
}
