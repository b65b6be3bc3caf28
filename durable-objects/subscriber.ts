import type { ChannelGlob } from "../core/channel-name.ts";
import { matchesGlob } from "../core/channel-name.ts";
import type { StoredEvent } from "../core/ports.ts";

/** What keeps its own place in channels, and is called by each of them after an append (ARCHITECTURE, decision 2). */
export type SubscriberKind = "webhook" | "mqtt" | "mqtt-share";

export interface SubscriberKey {
  readonly kind: SubscriberKind;
  /** The name of the subscriber's object. */
  readonly id: string;
}

/** Who follows a channel, as the directory knows it. The higher `revision` is the newer. */
export interface Following {
  readonly revision: number;
  readonly subscribers: readonly SubscriberKey[];
}

/** What a channel tells a subscriber: cursors. The events it reads itself, from where it stands. */
export interface ChannelNews {
  readonly channel: string;
  /**
   * Where the subscription began on this channel: read from here where nothing of the channel was read before. For a
   * channel that is younger than the subscription, before its first event.
   */
  readonly from: string;
  /** The newest event. */
  readonly head: string;
  /** Up to where the subscriber was told before. After a crash it may be said to have been told less than it was. */
  readonly after: string;
  /**
   * The events after `after`, up to `head`, where they are at hand and few: then a subscriber that stands there need not
   * read them. Only for kinds that ask for it.
   */
  readonly events?: readonly StoredEvent[];
}

/** Kinds of subscribers that are told events with their news: those that hand them on at once. */
export const TOLD_WITH_EVENTS: ReadonlySet<SubscriberKind> = new Set(["mqtt", "mqtt-share"]);

/** The object of a subscriber, as a channel sees it. */
export interface SubscriberObject extends Rpc.DurableObjectBranded {
  /**
   * When this resolves, the subscriber has noted durably that there is something to read, and the channel forgets about
   * it. Where it fails the channel tells it again, after an alarm; so the same news may come twice.
   */
  onNews(news: ChannelNews): Promise<void>;
}

/** A subscriber that hands events on to somebody who is there now, and so is told of those that are not stored too. */
export interface LiveSubscriberObject extends SubscriberObject {
  /** Tells of an event that is in no log, as JSON. Nobody tells it again. */
  onUnstored(channel: string, json: string): Promise<void>;
}

/** A channel, as the directory sees it. */
export interface FollowedObject extends Rpc.DurableObjectBranded {
  setFollowing(following: Following): void;
}

/** Whether a name is in reach of any of the globs. */
export function isFollowed(name: string, globs: readonly ChannelGlob[]): boolean {
  return globs.some((glob) => matchesGlob(name, glob));
}

/**
 * What a glob is found by: its first segment, or "" where that is a pattern. Those of a name are its own first segment
 * and "", so that a channel which begins is compared with few of all the globs there are.
 */
export function globHead(glob: string): string {
  const [head = ""] = glob.split("/", 1);
  return head.includes("*") ? "" : head;
}
