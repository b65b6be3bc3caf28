import type { EverywireError } from "../../core/error.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import type { FeedRecord } from "../../core/ports.ts";

/** An empty line: parsers of NDJSON pass over it. */
export const HEARTBEAT = "\n";

const CHUNK_CHARACTERS = 64 * 1024;

/**
 * Encodes what a subscription gave, in as few chunks as its size allows. A position has no line: it is in the header
 * `everywire-cursor`, and later in each event's `sequence`.
 */
export function* encodeRecords(records: readonly FeedRecord[]): Generator<string, void> {
  let chunk = "";
  for (const record of records) {
    if (record.kind === "position") continue;
    chunk += `${record.json}\n`;
    if (chunk.length >= CHUNK_CHARACTERS) {
      yield chunk;
      chunk = "";
    }
  }
  if (chunk !== "") yield chunk;
}

export function encodeAck(line: number, { id, sequence, duplicate }: PublishResult): string {
  return `${JSON.stringify({ line, id, sequence, duplicate })}\n`;
}

/** Of one line, or, without a number, of the stream: then it is the last one. */
export function encodeError(error: EverywireError, line?: number): string {
  return `${JSON.stringify({ error: error.toData(), line })}\n`;
}
