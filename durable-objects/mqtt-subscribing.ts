import type { ISubscribePacket, ISubscription, IUnsubscribePacket } from "mqtt-packet";
import type { ChannelGlob, ChannelName } from "../core/channel-name.ts";
import { matchesGlob } from "../core/channel-name.ts";
import type { OperationContext } from "../core/context.ts";
import { EARLIEST, LATEST, parseAfter } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { TopicFilter } from "../core/mqtt-topic.ts";
import { parseTopicFilter, toChannelGlob } from "../core/mqtt-topic.ts";
import { assertMayFollow } from "../core/operations/follow-channels.ts";
import { BadPacket, MALFORMED_PACKET, PROTOCOL_ERROR } from "../wire/mqtt-frame.ts";
import type { ChannelFollower } from "./channel-follower.ts";
import type { MqttLink } from "./mqtt-link.ts";
import type { MqttOutbound } from "./mqtt-outbound.ts";
import { encodePacket, FAILURE_311, REASON, toReasonCode, toReasonProperties } from "./mqtt-packets.ts";
import type { Subscription } from "./mqtt-session-state.ts";
import type { SessionStore } from "./mqtt-session-store.ts";
import type { MqttShares } from "./mqtt-shares.ts";

/** What subscribing needs of the session. */
export interface SubscribingHost {
  readonly store: SessionStore;
  readonly follower: ChannelFollower;
  readonly outbound: MqttOutbound;
  readonly shares: MqttShares;
  context(): OperationContext;
  /** Tells the directory what is followed now. */
  follow(): Promise<void>;
  sendRetained(subscription: Subscription): Promise<void>;
}

/** One filter of a SUBSCRIBE, decided. */
type Decision = Granted | { readonly error: EverywireError; readonly reasonCode: number };

interface Granted {
  readonly subscription: Subscription;
  readonly after: string;
  /** Whether messages that topics keep are sent (MQTT 5 §3.8.3.1). */
  readonly wantsRetained: boolean;
}

/** SUBSCRIBE and UNSUBSCRIBE (MQTT 5 §3.8, §3.10). */
export class MqttSubscribing {
  readonly #host: SubscribingHost;

  constructor(host: SubscribingHost) {
    this.#host = host;
  }

  /** @throws BadPacket */
  async subscribe(packet: ISubscribePacket, link: MqttLink): Promise<void> {
    const { store, follower, outbound } = this.#host;
    const { subscriptions, messageId = 0 } = packet;
    if (subscriptions.length === 0)
      throw new BadPacket(PROTOCOL_ERROR, "A SUBSCRIBE has at least one filter.");
    const identifier = toIdentifier(packet);
    const after = toUserProperty(packet.properties?.userProperties, "after");
    const decisions: Decision[] = [];
    for (const asked of subscriptions)
      decisions.push(await this.#decide(asked, identifier, after, link.version));
    const granted = decisions.filter((decision) => "subscription" in decision);
    const begun = await this.#beginAtHead(granted);
    for (const { subscription } of granted) store.putSubscription(subscription);
    outbound.onSubscriptionsChanged();
    if (granted.some(({ subscription }) => subscription.share === undefined)) await this.#host.follow();
    for (const { subscription, after: start } of granted) {
      if (subscription.share !== undefined) await this.#host.shares.join(subscription);
      else if (start !== LATEST) await this.#startAt(subscription, start);
    }
    link.send(encodePacket(this.#toSuback(messageId, decisions, link.version), link.version));
    for (const { subscription, wantsRetained } of granted) {
      if (wantsRetained) await this.#host.sendRetained(subscription);
    }
    for (const channel of begun) follower.readOn(channel);
    await follower.run();
  }

  /**
   * Notes where the channels of new subscriptions end at this moment, before the directory is told: what is published
   * while that takes its course is read from there. So who publishes after a SUBSCRIBE was sent, and does not wait for its
   * SUBACK, is heard all the same. A pattern begins when its channels know of it.
   */
  async #beginAtHead(granted: readonly Granted[]): Promise<readonly ChannelName[]> {
    const { follower, store } = this.#host;
    const { ports } = this.#host.context();
    const exact = granted.filter(
      ({ subscription: { text, filter, glob, share }, after }) =>
        share === undefined &&
        after === LATEST &&
        !/[+#]|^\$SYS\//.test(filter) &&
        !store.subscriptions.has(text) &&
        !follower.hasPlace(glob),
    );
    return Promise.all(
      exact.map(async ({ subscription }) => {
        const channel = subscription.glob as ChannelName;
        const { next } = await ports.channels.read(channel, { after: LATEST, limit: 1 });
        if (!follower.hasPlace(channel)) follower.startAt(channel, next);
        return channel;
      }),
    );
  }

  /** @throws BadPacket */
  async unsubscribe(packet: IUnsubscribePacket, link: MqttLink): Promise<void> {
    const { store, outbound } = this.#host;
    const { unsubscriptions, messageId = 0 } = packet;
    if (unsubscriptions.length === 0)
      throw new BadPacket(PROTOCOL_ERROR, "An UNSUBSCRIBE has at least one filter.");
    const granted: number[] = [];
    const removed: Subscription[] = [];
    for (const text of unsubscriptions) {
      assertFilter(text);
      const subscription = store.removeSubscription(text);
      granted.push(subscription === undefined ? REASON.NO_SUBSCRIPTION_EXISTED : REASON.SUCCESS);
      if (subscription !== undefined) removed.push(subscription);
    }
    outbound.onSubscriptionsChanged();
    if (removed.some(({ share }) => share === undefined)) {
      this.forgetPlaces();
      await this.#host.follow();
    }
    for (const subscription of removed) {
      if (subscription.share !== undefined) await this.#host.shares.leave(subscription);
    }
    link.send(encodePacket({ cmd: "unsuback", messageId, granted }, link.version));
  }

  /** Forgets where the session stands in channels that none of its subscriptions matches. */
  forgetPlaces(): void {
    const globs = [...this.#host.store.subscriptions.values()]
      .filter(({ share }) => share === undefined)
      .map(({ glob }) => glob as ChannelGlob);
    this.#host.follower.forget((channel) => globs.some((glob) => matchesGlob(channel, glob)));
  }

  async #decide(
    asked: ISubscription,
    identifier: number | undefined,
    after: string | undefined,
    version: number,
  ): Promise<Decision> {
    const { store } = this.#host;
    const context = this.#host.context();
    const filter = assertFilter(asked.topic);
    if (filter.share !== undefined && asked.nl === true) {
      throw new BadPacket(PROTOCOL_ERROR, "A shared subscription cannot ask for no messages of its own.");
    }
    const known = store.subscriptions.get(asked.topic);
    try {
      if (known === undefined && store.subscriptions.size >= context.limits.MAX_MQTT_SUBSCRIPTIONS) {
        throw new EverywireError(
          "rate_limited",
          `At most ${context.limits.MAX_MQTT_SUBSCRIPTIONS} subscriptions.`,
        );
      }
      const start = toStart(filter, after);
      const glob = await toChannelGlob(filter.filter);
      if (!filter.filter.startsWith("$SYS/")) await assertMayFollow(context, glob);
      return {
        after: start,
        wantsRetained: filter.share === undefined && (asked.rh ?? 0) < (known === undefined ? 2 : 1),
        subscription: {
          text: asked.topic,
          filter: filter.filter,
          glob,
          share: filter.share,
          qos: asked.qos,
          noLocal: version === 5 && asked.nl === true,
          retainAsPublished: version === 5 && asked.rap === true,
          identifier,
          hasAfter: after !== undefined,
        },
      };
    } catch (thrown) {
      const error = EverywireError.from(thrown);
      if (error.code === "internal") console.error("A subscription over MQTT failed", error.cause ?? error);
      return { error, reasonCode: toReasonCode(error) };
    }
  }

  /** Puts the session where it asked to begin: into one channel, or into all that there are. */
  async #startAt({ filter, glob }: Subscription, after: string): Promise<void> {
    const { follower } = this.#host;
    if (!/[+#]/.test(filter)) {
      follower.startAt(glob, after);
      return;
    }
    const { ports } = this.#host.context();
    let last: ChannelName | undefined;
    do {
      const names: readonly ChannelName[] = await ports.directory.match(
        glob as ChannelGlob,
        last,
        PAGE_CHANNELS,
      );
      for (const name of names) follower.startAt(name, after);
      last = names.length < PAGE_CHANNELS ? undefined : names.at(-1);
    } while (last !== undefined);
  }

  #toSuback(messageId: number, decisions: readonly Decision[], version: number) {
    const codes = decisions.map((decision) => {
      if ("subscription" in decision) return decision.subscription.qos;
      return version === 5 ? decision.reasonCode : FAILURE_311;
    });
    const refused = decisions.find((decision) => "error" in decision);
    const isTold = version === 5 && refused !== undefined && this.#host.store.state?.wantsReasons === true;
    return {
      cmd: "suback" as const,
      messageId,
      granted: codes,
      ...(isTold ? { properties: toReasonProperties(refused.error) } : {}),
    };
  }
}

const PAGE_CHANNELS = 1000;

/** @throws BadPacket for what is no filter at all (MQTT 5 §4.7.1) */
function assertFilter(text: string): TopicFilter {
  try {
    return parseTopicFilter(text);
  } catch (thrown) {
    throw new BadPacket(REASON.FILTER_INVALID, EverywireError.from(thrown).message);
  }
}

/** @throws EverywireError `invalid_argument` */
function toStart(filter: TopicFilter, after: string | undefined): string {
  if (after === undefined) return LATEST;
  const start = parseAfter(after);
  if (filter.share !== undefined) {
    throw new EverywireError("invalid_argument", "A shared subscription begins with what comes next.");
  }
  if (filter.hasWildcard && start !== LATEST && start !== EARLIEST) {
    throw new EverywireError(
      "invalid_argument",
      "A cursor is of one channel: with wildcards, 'after' is 'earliest' or 'latest'.",
    );
  }
  return start;
}

/** @throws BadPacket */
function toIdentifier({ properties }: ISubscribePacket): number | undefined {
  const identifier = properties?.subscriptionIdentifier;
  if (identifier === undefined) return undefined;
  if (typeof identifier !== "number" || identifier === 0) {
    throw new BadPacket(PROTOCOL_ERROR, "A SUBSCRIBE has one subscription identifier, above zero.");
  }
  return identifier;
}

/** @throws BadPacket where it comes more than once */
function toUserProperty(
  properties: Readonly<Record<string, string | string[]>> | undefined,
  name: string,
): string | undefined {
  const value = properties?.[name];
  if (Array.isArray(value)) throw new BadPacket(MALFORMED_PACKET, `'${name}' is said once.`);
  return value;
}
