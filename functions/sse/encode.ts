import type { FeedRecord } from "../../core/ports.ts";
import { toChunks } from "../../wire/feed-chunks.ts";
import { encodeSseRecord, SSE_FEED } from "../../wire/sse-feed.ts";
import { encodeOnce } from "../boundary/encode-once.ts";
import type { FeedEncoding } from "../boundary/feed-stream.ts";
import type { Positions } from "./positions.ts";

const UTF8 = new TextEncoder();

/** How a stream of one channel or several is written, ids and all. @param random from 0 to 1, by which readers differ */
export function createEncoding(positions: Positions, random: number): FeedEncoding {
  const { heartbeat, encodeError } = SSE_FEED;
  const stream = { opening: SSE_FEED.opening(random), heartbeat, encodeError };
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

const encodeAlone = encodeOnce(SSE_FEED.encodeRecord);

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
  for (const text of toChunks(records, (record) => encodeSseRecord(record, toId))) yield UTF8.encode(text);
}
