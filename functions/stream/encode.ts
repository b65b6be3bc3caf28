import type { EverywireError } from "../../core/error.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import { encodeOnce } from "../boundary/encode-once.ts";

/** An empty line: parsers of NDJSON pass over it. */
export const HEARTBEAT = "\n";

/**
 * Encodes what a subscription gave. A position has no line: it is in the header `everywire-cursor`, and later in each
 * event's `sequence`.
 */
export const encodeRecords = encodeOnce((record) => (record.kind === "position" ? "" : `${record.json}\n`));

export function encodeAck(line: number, { id, sequence, duplicate }: PublishResult): string {
  return `${JSON.stringify({ line, id, sequence, duplicate })}\n`;
}

/** Of one line, or, without a number, of the stream: then it is the last one. */
export function encodeError(error: EverywireError, line?: number): string {
  return `${JSON.stringify({ error: error.toData(), line })}\n`;
}
