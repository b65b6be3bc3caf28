/** What keeps its own place in channels, and is called by each of them after an append (ARCHITECTURE, decision 2). */
export type SubscriberKind = "webhook";

export interface SubscriberKey {
  readonly kind: SubscriberKind;
  /** The name of the subscriber's object. */
  readonly id: string;
}

/** What a channel tells a subscriber: cursors, never events. Those it reads itself, from where it stands. */
export interface ChannelNews {
  readonly channel: string;
  /**
   * Where the subscription began on this channel: read from here where nothing of the channel was read before. For a
   * channel that is younger than the subscription, before its first event.
   */
  readonly from: string;
  /** The newest event. */
  readonly head: string;
}

/** The object of a subscriber, as a channel sees it. */
export interface SubscriberObject extends Rpc.DurableObjectBranded {
  /**
   * When this resolves, the subscriber has noted durably that there is something to read, and the channel forgets about
   * it. Where it fails the channel tells it again, after an alarm; so the same news may come twice.
   */
  onNews(news: ChannelNews): Promise<void>;
}
