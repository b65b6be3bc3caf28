import type { FeedWire, FeedWireError } from "./feed-wire.ts";

/** An empty line: parsers of NDJSON pass over it. */
const HEARTBEAT = "\n";

/**
 * A channel as NDJSON (functions/stream): each event a line. A position has none: it is in a header, and later in each
 * event's `sequence`.
 */
export const NDJSON_FEED: FeedWire = {
  opening: () => HEARTBEAT,
  heartbeat: HEARTBEAT,
  encodeRecord: (record) => (record.kind === "position" ? "" : `${record.json}\n`),
  encodeError: (error) => encodeNdjsonError(error),
};

/** An error of one line, or, without a number, of the stream: then it is the last one. */
export function encodeNdjsonError(error: FeedWireError, line?: number): string {
  return `${JSON.stringify({ error, line })}\n`;
}
