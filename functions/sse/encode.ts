import type { EverywireError } from "../../core/error.ts";
import type { FeedRecord } from "../../core/ports.ts";
import {
  encodeComment,
  encodeLastEventId,
  encodeRetry,
  encodeServerSentEvent,
} from "../../wire/server-sent-events.ts";
import { encodeOnce, toChunks } from "../boundary/encode-once.ts";
import type { FeedEncoding } from "../boundary/feed-stream.ts";
import type { Positions } from "./positions.ts";

const UTF8 = new TextEncoder();

/** How a stream of several channels is written, ids and all. @param retryMs when the client comes back after a cut */
export function createEncoding(positions: Positions, retryMs: number): FeedEncoding {
  const stream = {
    // The first bytes make the client's `open` event come now, and not with the first channel event.
    opening: encodeComment("everywire") + encodeRetry(retryMs),
    heartbeat: encodeComment("heartbeat"),
    encodeError: encodeStreamError,
  };
  // The id of one channel is its event's own cursor, so all of its readers are sent the same bytes.
  if (positions.count === 1) return { ...stream, encode: (records) => encodeAlone(records).values() };
  return {
    ...stream,
    isReady: ([first], index) => {
      if (first?.kind === "position" && !positions.isKnown(index)) positions.advance(index, first.cursor);
      return positions.areKnown;
    },
    encode: (records, index) => encodeAmongOthers(records, positions, index),
  };
}

const encodeAlone = encodeOnce((record) => encodeRecord(record, (cursor) => cursor));

/** A generator, so that an id is made when its chunk is sent: another channel may have moved on in between. */
function* encodeAmongOthers(
  records: readonly FeedRecord[],
  positions: Positions,
  channelIndex: number,
): Generator<Uint8Array, void> {
  const toId = (cursor: string) => {
    positions.advance(channelIndex, cursor);
    return positions.toCursor();
  };
  for (const text of toChunks(records, (record) => encodeRecord(record, toId))) yield UTF8.encode(text);
}

function encodeRecord(record: FeedRecord, toId: (cursor: string) => string): string {
  // What is not stored has no place to resume from: without an `id` the client keeps the one that it has.
  if (record.kind === "ephemeral") return encodeServerSentEvent({ event: record.type, data: record.json });
  const id = toId(record.cursor);
  if (record.kind === "position") return encodeLastEventId(id);
  return encodeServerSentEvent({ id, event: record.type, data: record.json });
}

/**
 * The last thing on a stream that the server ends. Not named `error`, which an EventSource dispatches itself when the
 * connection breaks; the client reconnects by itself with its `Last-Event-ID`.
 */
function encodeStreamError(error: EverywireError): string {
  const { code, message } = error;
  return encodeServerSentEvent({ event: "everywire.error", data: JSON.stringify({ code, message }) });
}
