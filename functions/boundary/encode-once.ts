import type { FeedRecord } from "../../core/ports.ts";
import { toChunks } from "../../wire/feed-chunks.ts";

/** Records of a feed as chunks of a wire, in order. */
export type EncodeRecords = (records: readonly FeedRecord[]) => readonly Uint8Array[];

const UTF8 = new TextEncoder();

/**
 * For a wire on which records look the same to every reader: they are encoded once for all readers of an isolate, which
 * are given the same array of records one after the other. It is remembered for as long as the array is in use.
 *
 * @param encodeRecord gives an empty text for a record that the wire does not tell
 */
export function encodeOnce(encodeRecord: (record: FeedRecord) => string): EncodeRecords {
  const known = new WeakMap<readonly FeedRecord[], readonly Uint8Array[]>();
  return (records) => {
    let chunks = known.get(records);
    if (chunks === undefined) {
      chunks = Array.from(toChunks(records, encodeRecord), (text) => UTF8.encode(text));
      known.set(records, chunks);
    }
    return chunks;
  };
}
