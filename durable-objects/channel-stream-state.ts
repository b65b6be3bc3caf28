import type { After } from "../core/cursor.ts";
import { EARLIEST, formatCursor, LATEST, parseCursor } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { CreateStreamRequest, ForkRequest, StreamInfo } from "../core/stream.ts";
import { isAppendable, toMediaType, toStreamKind } from "../core/stream.ts";
import type { LogState } from "./channel-state.ts";
import { cursorAt } from "./channel-state.ts";

/**
 * What a channel is told as a stream beyond its log, and the decisions on it: no clock, no storage, as in
 * `channel-state.ts`.
 */
export interface StreamState {
  /** Undefined for a channel of events. */
  readonly contentType: string | undefined;
  readonly isClosed: boolean;
  /** Seconds without a read or a write after which it ends. */
  readonly ttlSeconds: number | undefined;
  readonly expiresAtMs: number | undefined;
  /** The last read or write; counts only where there is a `ttlSeconds`. */
  readonly touchedMs: number;
  /** The last `Stream-Seq`. */
  readonly writerSequence: string | undefined;
  readonly fork: ForkOrigin | undefined;
  /** True when it was deleted, or has expired, while forks of it live: its name stays taken until they are gone. */
  readonly isEnded: boolean;
}

/** What a fork was made of. */
export interface ForkOrigin {
  readonly source: string;
  /** The number of the last event that it took whole from its source. */
  readonly number: number;
  readonly subOffset: number;
  /** Cursors of the source, and of its own sources, that mean the same place here. */
  readonly aliases: readonly CursorAlias[];
}

export interface CursorAlias {
  readonly epoch: string;
  /** Up to this number the two have the same events. */
  readonly number: number;
}

/** A channel that another door made. */
export const PLAIN: StreamState = {
  contentType: undefined,
  isClosed: false,
  ttlSeconds: undefined,
  expiresAtMs: undefined,
  touchedMs: 0,
  writerSequence: undefined,
  fork: undefined,
  isEnded: false,
};

/** What a channel of events answers as its content type. */
const EVENTS_CONTENT_TYPE = "application/json";
const DEFAULT_CONTENT_TYPE = "application/octet-stream";

export function toStreamInfo(stream: StreamState, log: LogState): StreamInfo {
  const { contentType = EVENTS_CONTENT_TYPE, isClosed, ttlSeconds, expiresAtMs } = stream;
  return {
    kind: stream.contentType === undefined ? "events" : toStreamKind(contentType),
    contentType,
    tail: cursorAt(log, log.head),
    isClosed,
    ttlSeconds,
    expiresAtMs,
  };
}

/** When a stream ends by itself; undefined where it does not. */
export function endsAtMs(stream: StreamState): number | undefined {
  const { ttlSeconds, expiresAtMs, touchedMs } = stream;
  return ttlSeconds === undefined ? expiresAtMs : touchedMs + ttlSeconds * 1000;
}

/** The stream that a request makes; what a fork is not told, it has from its source. */
export function toNewStream(
  request: CreateStreamRequest,
  origin: { readonly fork: ForkOrigin; readonly source: StreamState } | undefined,
  nowMs: number,
): StreamState {
  const isTold = request.ttlSeconds !== undefined || request.expiresAtMs !== undefined;
  const lifetime = isTold || origin === undefined ? request : origin.source;
  return {
    ...PLAIN,
    contentType: origin === undefined ? toStoredType(request.contentType) : origin.source.contentType,
    // Closed by the append of the first content, so that this is written in one place.
    isClosed: false,
    ttlSeconds: lifetime.ttlSeconds,
    expiresAtMs: lifetime.expiresAtMs,
    touchedMs: nowMs,
    fork: origin?.fork,
  };
}

function toStoredType(contentType: string | undefined): string | undefined {
  if (contentType === undefined) return DEFAULT_CONTENT_TYPE;
  return toStreamKind(contentType) === "events" ? undefined : contentType;
}

/**
 * Whether a request to create asks for just the stream that is there (`PROTOCOL.md`, "Create stream"). What a request
 * leaves out, it does not ask for; but a lifetime left out means none, unless it would come from a fork's source.
 */
export function isSameStream(stream: StreamState, request: CreateStreamRequest): boolean {
  const { contentType, ttlSeconds, expiresAtMs, fork } = request;
  if (contentType !== undefined && !hasType(stream, contentType)) return false;
  if (request.isClosed !== stream.isClosed) return false;
  const isTold = ttlSeconds !== undefined || expiresAtMs !== undefined;
  if (isTold || stream.fork === undefined) {
    if (ttlSeconds !== stream.ttlSeconds || expiresAtMs !== stream.expiresAtMs) return false;
  }
  return fork === undefined || isSameFork(stream.fork, fork);
}

function isSameFork(origin: ForkOrigin | undefined, request: ForkRequest): boolean {
  if (origin === undefined || origin.source !== request.source || origin.subOffset !== request.subOffset)
    return false;
  if (request.offset === undefined || request.offset === LATEST) return true;
  const number = request.offset === EARLIEST ? 0 : parseCursor(request.offset)?.number;
  return number === origin.number;
}

/** Whether a stream is of a content type, parameters and case aside. */
export function hasType(stream: StreamState, contentType: string): boolean {
  if (stream.contentType === undefined) return isAppendable({ kind: "events", contentType: "" }, contentType);
  return toMediaType(stream.contentType) === toMediaType(contentType);
}

/**
 * Where a fork leaves its source: the number of the last event that it takes whole, before any sub-offset.
 *
 * @throws EverywireError `invalid_argument` for an offset that the source does not have, `gone` where it is not kept
 */
export function resolveFork(log: LogState, offset: After | undefined): number {
  if (offset === undefined || offset === LATEST) return log.head;
  const oldest = log.first - 1;
  if (offset === EARLIEST) return oldest;
  const cursor = parseCursor(offset);
  if (cursor === undefined || cursor.epoch !== log.epoch || cursor.number > log.head) {
    throw new EverywireError("invalid_argument", "The source of the fork has no such offset.");
  }
  if (cursor.number < oldest)
    throw new EverywireError("gone", "The source of the fork no longer keeps that offset.");
  return cursor.number;
}

/** A cursor of a fork's source as a cursor of the fork, where both have the same events up to there. */
export function toOwnCursor(stream: StreamState, log: LogState, after: After): After {
  if (stream.fork === undefined || log.epoch === undefined) return after;
  const cursor = parseCursor(after);
  const alias = cursor && stream.fork.aliases.find(({ epoch }) => epoch === cursor.epoch);
  if (cursor === undefined || alias === undefined || cursor.number > alias.number) return after;
  return formatCursor(log.epoch, cursor.number) as After;
}
