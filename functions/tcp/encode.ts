import type { ChannelName } from "../../core/channel-name.ts";
import type { EverywireError } from "../../core/error.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import type { FeedRecord } from "../../core/ports.ts";
import type { Ref } from "./decode.ts";

/** What an answer carries back of the line that asked; left out where it named nothing. */
interface Asked {
  readonly ref: Ref | undefined;
}

/** A sign of life on a connection that follows something. */
export const HEARTBEAT = `${JSON.stringify({ op: "heartbeat" })}\n`;

export function encodeAck({ ref }: Asked, { id, sequence, duplicate }: PublishResult): string {
  return toLine({ op: "ack", ref, id, sequence, duplicate });
}

export function encodeHello({ ref }: Asked, user: string): string {
  return toLine({ op: "hello", ref, user });
}

export function encodePong({ ref }: Asked): string {
  return toLine({ op: "pong", ref });
}

/** What a WebSocket asks its client, which has no other way to say how far it has read. */
export function encodePing(ref: string): string {
  return toLine({ op: "ping", ref });
}

export function encodeSubscribed({ ref }: Asked, channel: ChannelName, after: string): string {
  return toLine({ op: "subscribed", ref, channel, after });
}

export function encodeUnsubscribed({ ref }: Asked, channel: ChannelName): string {
  return toLine({ op: "unsubscribed", ref, channel });
}

/** Of a line, of a subscription (then with its channel), or, with neither, of the connection: then it is the last. */
export function encodeError(
  { ref }: Asked,
  error: EverywireError,
  of: { readonly channel?: ChannelName } = {},
): string {
  return toLine({ op: "error", ref, ...of, ...error.toData() });
}

/** The events of a subscription, one a line; a position is told when it begins, and needs no line later. */
export function encodeRecords(records: readonly FeedRecord[]): string {
  let text = "";
  for (const record of records) if (record.kind !== "position") text += `${record.json}\n`;
  return text;
}

function toLine(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
