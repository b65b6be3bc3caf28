import type { FeedWire, FeedWireRecord } from "./feed-wire.ts";
import {
  encodeComment,
  encodeLastEventId,
  encodeRetry,
  encodeServerSentEvent,
} from "./server-sent-events.ts";

const RETRY_MS = 1000;

/** A channel as server-sent events (functions/sse). The id of an event is its cursor. */
export const SSE_FEED: FeedWire = {
  // The first bytes make the client's `open` event come now, and not with the first channel event. Jitter, so that the
  // readers of a server that went away do not all come back in the same moment.
  opening: (random) => encodeComment("everywire") + encodeRetry(RETRY_MS + Math.floor(random * RETRY_MS)),
  heartbeat: encodeComment("heartbeat"),
  encodeRecord: (record) => encodeSseRecord(record, (cursor) => cursor),
  // Not named `error`, which an EventSource dispatches itself when the connection breaks; the client reconnects by
  // itself with its `Last-Event-ID`.
  encodeError: ({ code, message }) =>
    encodeServerSentEvent({ event: "everywire.error", data: JSON.stringify({ code, message }) }),
};

/** @param toId what the client sends back to go on after a cursor */
export function encodeSseRecord(record: FeedWireRecord, toId: (cursor: string) => string): string {
  // What is not stored has no place to resume from: without an `id` the client keeps the one that it has.
  if (record.kind === "ephemeral") return encodeServerSentEvent({ event: record.type, data: record.json });
  const id = toId(record.cursor);
  if (record.kind === "position") return encodeLastEventId(id);
  return encodeServerSentEvent({ id, event: record.type, data: record.json });
}
