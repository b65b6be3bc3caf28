import type { ChannelName } from "../../core/channel-name.ts";
import { EverywireError } from "../../core/error.ts";
import { encodeGapEvent } from "../../core/event.ts";
import type { CreatedStream, StreamAppended, StreamInfo, StreamPage } from "../../core/stream.ts";
import { toJsonMessage, toStreamBytes } from "../../core/stream-messages.ts";
import { encodeHeaderValue } from "../../wire/cloudevents-http.ts";
import { toErrorResponse } from "../boundary/error-response.ts";

/** What a page of another origin may read of an answer. */
const EXPOSED =
  "stream-next-offset, stream-cursor, stream-up-to-date, stream-closed, stream-ttl, stream-expires-at, stream-sse-data-encoding, producer-epoch, producer-seq, producer-expected-seq, producer-received-seq, everywire-id, everywire-sequence, everywire-duplicate";

/** The headers of every answer about a stream. */
export function toStreamHeaders(info: StreamInfo, more: Readonly<Record<string, string>> = {}): Headers {
  return new Headers({
    "content-type": info.contentType,
    "stream-next-offset": info.tail,
    ...(info.isClosed ? { "stream-closed": "true" } : {}),
    "cross-origin-resource-policy": "cross-origin",
    // Whoever may append chooses the bytes: opened as a page, they must not act as one of ours.
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "access-control-expose-headers": EXPOSED,
    ...more,
  });
}

/** @param url the stream's own address */
export function encodeCreated({ isNew, info }: CreatedStream, url: string): Response {
  const headers = toStreamHeaders(info, isNew ? { location: url } : {});
  return new Response(null, { status: isNew ? 201 : 200, headers });
}

/** 204, and 200 where a producer's append was taken for the first time (`PROTOCOL.md`, "Idempotent producers"). */
export function encodeAppended({ info, isDuplicate, producer, receipts }: StreamAppended): Response {
  const headers = toStreamHeaders(info);
  headers.delete("content-type");
  if (producer !== undefined) {
    headers.set("producer-epoch", String(producer.epoch));
    headers.set("producer-seq", String(producer.sequence));
  }
  const [receipt, ...others] = receipts;
  if (receipt !== undefined && others.length === 0) {
    headers.set("everywire-id", encodeHeaderValue(receipt.id));
    if (receipt.sequence !== undefined) headers.set("everywire-sequence", receipt.sequence);
    headers.set("everywire-duplicate", String(receipt.duplicate));
  }
  const isFirst = producer !== undefined && !isDuplicate && receipts.length > 0;
  return new Response(null, { status: isFirst ? 200 : 204, headers });
}

export function encodeDescription(info: StreamInfo): Response {
  const headers = toStreamHeaders(info, { "cache-control": "no-store" });
  if (info.ttlSeconds !== undefined) headers.set("stream-ttl", String(info.ttlSeconds));
  if (info.expiresAtMs !== undefined)
    headers.set("stream-expires-at", new Date(info.expiresAtMs).toISOString());
  return new Response(null, { headers });
}

/**
 * The content of a page: a JSON array, or bytes.
 *
 * @throws EverywireError `gone` where something is missing before it and the stream has no place to say so
 */
export function encodeContent(
  channel: ChannelName,
  page: StreamPage,
  nowMs: number,
): string | Uint8Array<ArrayBuffer> {
  const { info, gap, events } = page;
  if (info.kind !== "events" && gap !== undefined) {
    throw new EverywireError("gone", "The stream no longer has that offset.", {
      details: { requested: [gap.requested], resumedAt: [gap.resumedAt] },
    });
  }
  const { kind } = info;
  if (kind === "bytes") return joinBytes(events.map(({ json }) => toStreamBytes(json)));
  const messages = events.map(({ type, json }) => toJsonMessage(kind, type, json));
  if (gap !== undefined) messages.unshift(encodeGapEvent(channel, gap, nowMs));
  return `[${messages.join(",")}]`;
}

export function joinBytes(parts: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.byteLength;
  }
  return bytes;
}

export interface PageOptions {
  /** What the client sent as `If-None-Match`. */
  readonly ifNoneMatch: string | null;
  /** Whether a shared cache may keep it: what anybody may read. */
  readonly isPublic: boolean;
  readonly isTail: boolean;
  readonly collapseCursor: string;
  readonly nowMs: number;
}

/** A read's answer: 200, or 304 where the client has just this. */
export function encodePage(channel: ChannelName, page: StreamPage, options: PageOptions): Response {
  const content = encodeContent(channel, page, options.nowMs);
  const headers = toPageHeaders(page, options);
  const etag = headers.get("etag");
  if (etag !== null && isKnown(options.ifNoneMatch, etag))
    return new Response(null, { status: 304, headers });
  return new Response(content, { headers });
}

/** A long poll for which nothing came. */
export function encodeNothing(page: StreamPage, options: PageOptions): Response {
  const headers = toPageHeaders(page, options);
  headers.delete("content-type");
  headers.delete("etag");
  headers.set("cache-control", "no-store");
  return new Response(null, { status: 204, headers });
}

function toPageHeaders(page: StreamPage, options: PageOptions): Headers {
  const { info, start, next, upToDate } = page;
  const isAtEnd = upToDate && info.isClosed;
  // Where a page ends before the stream's end, that the stream is closed is not yet the reader's to know.
  const headers = toStreamHeaders({ ...info, isClosed: isAtEnd, tail: next });
  headers.set("stream-cursor", options.collapseCursor);
  if (upToDate) headers.set("stream-up-to-date", "true");
  headers.set("cache-control", toCacheControl(page, options));
  if (!options.isTail) headers.set("etag", `"${start}:${next}${isAtEnd ? ":closed" : ""}"`);
  return headers;
}

/**
 * What was read stays as it is, so that it may be kept; but an answer of "nothing yet" would hide what comes, and one
 * from the end of the moment is true for that moment.
 */
function toCacheControl({ events, gap, info }: StreamPage, { isPublic, isTail }: PageOptions): string {
  if (isTail) return "no-store";
  if (events.length === 0 && gap === undefined && !info.isClosed) return "no-cache";
  return `${isPublic ? "public" : "private"}, max-age=60, stale-while-revalidate=300`;
}

/** Weak comparison (RFC 9110 §13.1.2). */
function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  return ifNoneMatch.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag || tag.trim() === "*");
}

/**
 * The errors that this wire tells in its own way: a conflict with what the stream is, is 409 with headers that say how
 * it is. Undefined for all others, which are told as everywhere.
 */
export function encodeConflict(
  error: EverywireError,
  accept: string | undefined,
  nowMs: number,
): Response | undefined {
  const { epoch, expected, received, closed, nextOffset } = error.details ?? {};
  const isFenced = error.code === "permission_denied" && epoch !== undefined;
  if (error.code !== "precondition_failed" && !isFenced) return undefined;
  const answer = toErrorResponse(error, accept, nowMs);
  const { headers } = answer;
  headers.set("access-control-expose-headers", EXPOSED);
  const own = [
    ["producer-epoch", epoch],
    ["producer-expected-seq", expected],
    ["producer-received-seq", received],
    ["stream-closed", closed],
    ["stream-next-offset", nextOffset],
  ] as const;
  for (const [name, value] of own) if (value?.[0] !== undefined) headers.set(name, value[0]);
  return new Response(answer.body, { status: isFenced ? answer.status : 409, headers });
}
