import type { CloudEvent } from "../core/event.ts";
import { matchesTopicFilter } from "../core/mqtt-topic.ts";
import type { MqttChannels } from "./mqtt-channels.ts";
import { toDeliveryFacts } from "./mqtt-event.ts";
import type { MqttOutbound } from "./mqtt-outbound.ts";
import type { Subscription } from "./mqtt-session-state.ts";
import type { SessionStore } from "./mqtt-session-store.ts";
import type { MqttShare, SharedEvent } from "./mqtt-share.ts";
import { MAY_NOT_READ } from "./mqtt-share.ts";

/** What a member of groups needs of its session. */
export interface ShareHost {
  readonly store: SessionStore;
  readonly outbound: MqttOutbound;
  readonly channels: MqttChannels;
  readonly isConnected: boolean;
  /** The session, as its groups know it. */
  readonly name: string;
  group(text: string): DurableObjectStub<MqttShare>;
}

/** A session's side of its shared subscriptions (MQTT 5 §4.8.2): a group offers, and the session takes. */
export class MqttShares {
  readonly #host: ShareHost;
  /** Shared subscriptions that had something for which there was no room. */
  readonly #waiting = new Set<string>();

  constructor(host: ShareHost) {
    this.#host = host;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  join({ text, glob }: Subscription): Promise<void> {
    return this.#host.group(text).join(this.#host.name, glob);
  }

  /** What this member had of a group and did not acknowledge goes back to it. */
  async leave({ text }: Subscription): Promise<void> {
    const { store, isConnected, name } = this.#host;
    const mine = store.outbound.list().filter(({ delivery }) => delivery.share === text);
    const unacknowledged = mine
      .filter(({ phase }) => phase !== "released")
      .map(({ delivery: { channel, json } }) => ({ channel, json }));
    // While the client is there, it may still acknowledge what it has.
    await this.#host.group(text).leave(name, isConnected ? [] : unacknowledged);
  }

  /** Leaves every group, with the end of the session. */
  async leaveAll(): Promise<void> {
    for (const subscription of this.#host.store.subscriptions.values()) {
      if (subscription.share !== undefined) await this.leave(subscription);
    }
  }

  /** Tells the groups that the client is here and takes messages. */
  async tellAll(): Promise<void> {
    await Promise.all([...this.#host.store.subscriptions.values()].map((one) => this.#tell(one)));
  }

  /** Tells the groups that had something for which there was no room, as long as there is some. */
  async tellWaiting(): Promise<void> {
    const { outbound, store } = this.#host;
    for (const text of this.#waiting) {
      if (!outbound.hasRoom) return;
      this.#waiting.delete(text);
      const subscription = store.subscriptions.get(text);
      if (subscription !== undefined) await this.#tell(subscription);
    }
  }

  /** @see ShareMember.offer */
  async offer(text: string, events: readonly SharedEvent[]): Promise<number> {
    const { store, outbound, channels } = this.#host;
    const [first] = events;
    const subscription = store.subscriptions.get(text);
    if (first === undefined || subscription === undefined || !this.#host.isConnected) return 0;
    const known = await channels.lookUp(first.channel);
    if (!known.mayReceive) return MAY_NOT_READ;
    let taken = 0;
    for (const event of events) {
      if (!outbound.hasRoom) break;
      taken += 1;
      this.#take(event, subscription, known.topic);
    }
    if (taken < events.length) this.#waiting.add(text);
    return taken;
  }

  #take({ channel, json }: SharedEvent, subscription: Subscription, known: string | undefined): void {
    const { text, filter, identifier, retainAsPublished, hasAfter } = subscription;
    const facts = toDeliveryFacts(JSON.parse(json) as CloudEvent);
    const topic = facts.topic ?? known;
    const isExpired = facts.expiresMs !== undefined && facts.expiresMs <= Date.now();
    if (topic === undefined || isExpired || !matchesTopicFilter(topic, filter)) return;
    const delivery = {
      channel,
      topic,
      json,
      isRetained: retainAsPublished && facts.isRetained,
      identifiers: identifier === undefined ? [] : [identifier],
      wantsSequence: hasAfter,
      share: text,
    };
    this.#host.outbound.send(delivery, Math.min(subscription.qos, facts.qos) as 0 | 1 | 2);
  }

  async #tell({ text, share }: Subscription): Promise<void> {
    if (share !== undefined) await this.#host.group(text).onReady(this.#host.name);
  }
}
