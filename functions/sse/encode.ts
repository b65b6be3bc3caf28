import type { EverywireError } from "../../core/error.ts";
import type { FeedRecord } from "../../core/ports.ts";
import {
  encodeComment,
  encodeLastEventId,
  encodeRetry,
  encodeServerSentEvent,
} from "../../wire/server-sent-events.ts";
import type { FeedEncoding } from "../boundary/feed-stream.ts";
import type { Positions } from "./positions.ts";

const CHUNK_CHARACTERS = 64 * 1024;

/** How a stream of several channels is written, ids and all. @param retryMs when the client comes back after a cut */
export function createEncoding(positions: Positions, retryMs: number): FeedEncoding {
  return {
    // The first bytes make the client's `open` event come now, and not with the first channel event.
    opening: encodeComment("everywire") + encodeRetry(retryMs),
    heartbeat: encodeComment("heartbeat"),
    ready: ([first], index) => {
      if (first?.kind === "position" && !positions.isKnown(index)) positions.advance(index, first.cursor);
      return positions.known;
    },
    encode: (records, index) => encodeRecords(records, positions, index),
    encodeError: encodeStreamError,
  };
}

/**
 * Encodes what one channel's subscription gave, in as few chunks as its size allows: a chunk costs a trip through the
 * stream, while one that is too large would hide from the stream whether its reader still reads.
 *
 * A generator, so that an id is made when its chunk is sent: another channel may have moved on in between.
 */
function* encodeRecords(
  records: readonly FeedRecord[],
  positions: Positions,
  channelIndex: number,
): Generator<string> {
  let chunk = "";
  for (const record of records) {
    chunk += encodeRecord(record, positions, channelIndex);
    if (chunk.length >= CHUNK_CHARACTERS) {
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}

function encodeRecord(record: FeedRecord, positions: Positions, channelIndex: number): string {
  // What is not stored has no place to resume from: without an `id` the client keeps the one that it has.
  if (record.kind === "ephemeral") return encodeServerSentEvent({ event: record.type, data: record.json });
  positions.advance(channelIndex, record.cursor);
  const id = positions.toCursor();
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
