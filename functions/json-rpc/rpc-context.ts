import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import type { After } from "../../core/cursor.ts";

/** What a method is called with. */
export interface RpcContext {
  /** As of now: a socket outlives the moment in which it was opened. */
  readonly operation: () => OperationContext;
  /** Says that a call is going to wait, so that calls behind it need not. */
  readonly yieldTurn: () => void;
}

/** A call that came over a socket. */
export interface SocketContext extends RpcContext {
  readonly socket: Subscriber;
}

export interface Opened {
  readonly subscription: string;
  /** Where the subscription starts: what to resume from before the first event. */
  readonly cursor: string;
}

/** The subscriptions of one socket. */
export interface Subscriber {
  /** @throws EverywireError also `rate_limited` for too many of them */
  subscribe(channel: ChannelName, after: After): Promise<Opened>;
  /** True where there was one. */
  unsubscribe(subscription: string): boolean;
  /** Takes the answer to a `channel.ping`. */
  onPong(ref: string): void;
}
