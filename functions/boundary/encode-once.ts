import type { FeedRecord } from "../../core/ports.ts";

/** Records of a feed as chunks of a wire, in order. */
export type EncodeRecords = (records: readonly FeedRecord[]) => readonly Uint8Array[];

/** A chunk costs a trip through the stream, while one that is too large would hide whether its reader still reads. */
const CHUNK_CHARACTERS = 64 * 1024;
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

/** Joins what records become, in as few texts as their size allows. Each is made when it is asked for. */
export function* toChunks(
  records: readonly FeedRecord[],
  encodeRecord: (record: FeedRecord) => string,
): Generator<string, void> {
  let chunk = "";
  for (const record of records) {
    chunk += encodeRecord(record);
    if (chunk.length >= CHUNK_CHARACTERS) {
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}
