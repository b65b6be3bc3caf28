import type { ChannelName } from "./channel-name.ts";
import type { After } from "./cursor.ts";
import type { Gap, ProducerStamp, StoredEvent } from "./log-entry.ts";

/**
 * A channel seen as a stream (Durable Streams `PROTOCOL.md`): what it is made of, how long it lives, where it ends.
 * Every channel is one. Only what a stream can be told beyond that (a content type, an expiry, that it is closed, what
 * it was forked from) is kept for it; a channel that another door made has none of it.
 */

/** The type of the event that an append becomes; every other door reads it. */
export const STREAM_APPEND_TYPE = "stream.append";

/**
 * What reading gives:
 * - `events`: a channel made by another door, or by PUT with a CloudEvents media type: a JSON array of CloudEvents
 * - `json`: JSON mode: an array of messages, each the `data` of one event
 * - `bytes`: the appended bytes, one after another
 */
export type StreamKind = "events" | "json" | "bytes";

export const JSON_MEDIA_TYPE = "application/json";
const EVENT_MEDIA_TYPES = new Set(["application/cloudevents+json", "application/cloudevents-batch+json"]);

export interface StreamInfo {
  readonly kind: StreamKind;
  /** As it was given when the stream was created. */
  readonly contentType: string;
  /** The cursor after the newest event. */
  readonly tail: string;
  readonly isClosed: boolean;
  readonly ttlSeconds: number | undefined;
  /** In epoch milliseconds, where the stream was given a fixed end. */
  readonly expiresAtMs: number | undefined;
}

/** Where a new stream begins: as a copy of another one up to some position. */
export interface ForkRequest {
  /** The channel that is forked. */
  readonly source: ChannelName;
  /** A cursor, `earliest`, or undefined for the source's end. */
  readonly offset: After | undefined;
  /** Messages after `offset`, or in a stream of bytes the bytes of the append there, that are taken too. */
  readonly subOffset: number;
}

/** What a writer is known by: as in any other publish. */
export interface StreamWriter {
  /** The `source` of the events. */
  readonly source: string;
  readonly rateKey: string | undefined;
}

export interface CreateStreamRequest extends StreamWriter {
  /** Undefined where the client named none. */
  readonly contentType: string | undefined;
  readonly ttlSeconds: number | undefined;
  readonly expiresAtMs: number | undefined;
  readonly isClosed: boolean;
  readonly fork: ForkRequest | undefined;
  /** The first content; may be empty. */
  readonly body: Uint8Array;
}

export interface CreatedStream {
  /** False where the stream was there already, just so. */
  readonly isNew: boolean;
  readonly info: StreamInfo;
}

export interface StreamAppendRequest extends StreamWriter {
  /** Undefined only where the body is empty. */
  readonly contentType: string | undefined;
  /** Empty for an append that only closes. */
  readonly body: Uint8Array;
  readonly isClosing: boolean;
  readonly producer: ProducerStamp | undefined;
  /** `Stream-Seq`: must sort after the one before, per stream. */
  readonly writerSequence: string | undefined;
}

/** What was made of one message of an append. */
export interface StreamReceipt {
  readonly id: string;
  /** Undefined for an event that is delivered and not stored. */
  readonly sequence: string | undefined;
  readonly duplicate: boolean;
}

export interface StreamAppended {
  readonly info: StreamInfo;
  /** True where the producer had sent just this before: nothing was stored. */
  readonly isDuplicate: boolean;
  /** The highest that was accepted of this producer. */
  readonly producer: { readonly epoch: number; readonly sequence: number } | undefined;
  readonly receipts: readonly StreamReceipt[];
}

export interface ReadStreamRequest {
  readonly after: After;
  readonly limit: number;
  /** How long to wait where there is nothing yet; 0 answers at once. */
  readonly timeoutMs: number;
}

export interface StreamPage {
  readonly info: StreamInfo;
  readonly gap: Gap | undefined;
  /** The cursor that reading began after. */
  readonly start: string;
  readonly events: readonly StoredEvent[];
  readonly next: string;
  readonly upToDate: boolean;
}

/** The media type of a content type: in lower case, without parameters. */
export function toMediaType(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** Which kind of stream a content type makes. */
export function toStreamKind(contentType: string): StreamKind {
  const mediaType = toMediaType(contentType);
  if (EVENT_MEDIA_TYPES.has(mediaType)) return "events";
  return mediaType === JSON_MEDIA_TYPE ? "json" : "bytes";
}

/** Whether an append of this content type may go into the stream (`PROTOCOL.md`, "Append to stream"). */
export function isAppendable(
  stream: { readonly kind: StreamKind; readonly contentType: string },
  contentType: string,
): boolean {
  const mediaType = toMediaType(contentType);
  if (stream.kind === "events") return mediaType === JSON_MEDIA_TYPE || EVENT_MEDIA_TYPES.has(mediaType);
  return mediaType === toMediaType(stream.contentType);
}
