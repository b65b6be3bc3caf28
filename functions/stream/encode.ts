import type { EverywireError } from "../../core/error.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import { encodeNdjsonError, NDJSON_FEED } from "../../wire/ndjson-feed.ts";
import { encodeOnce } from "../boundary/encode-once.ts";

/** Encodes what a subscription gave. */
export const encodeRecords = encodeOnce(NDJSON_FEED.encodeRecord);

export function encodeAck(line: number, { id, sequence, duplicate }: PublishResult): string {
  return `${JSON.stringify({ line, id, sequence, duplicate })}\n`;
}

/** Of one line, or, without a number, of the stream: then it is the last one. */
export function encodeError(error: EverywireError, line?: number): string {
  return encodeNdjsonError(error.toData(), line);
}
