import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST, parseAfter, parseCursor } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import type { ProducerStamp } from "../../core/ports.ts";
import type {
  CreateStreamRequest,
  ForkRequest,
  StreamAppendRequest,
  StreamWriter,
} from "../../core/stream.ts";
import { readBytes } from "../boundary/body.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import { pathOf } from "../boundary/request-target.ts";

export const PREFIX = "/v1/stream/";

const MEDIA_TYPE = /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+ *(?:;[\u0020-\u007e]*)?$/;
const MAX_TOKEN_LENGTH = 256;
/** Ten digits are three hundred years, and no overflow of a time in milliseconds. */
const TTL = /^(?:0|[1-9]\d{0,9})$/;
const WHOLE_NUMBER = /^(?:0|[1-9]\d{0,14})$/;
// RFC 3339 §5.6; whether the date exists is asked of Date.
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/;
/** How the protocol's reference server writes the beginning; its clients and its suite send it to every server. */
const REFERENCE_START = "0000000000000000_0000000000000000";

/** `PUT` (`PROTOCOL.md`, "Create stream"). @throws EverywireError `invalid_argument`, `payload_too_large` */
export async function decodeCreate(
  request: Request,
  maxBytes: number,
): Promise<Omit<CreateStreamRequest, keyof StreamWriter>> {
  const { headers } = request;
  const ttl = headers.get("stream-ttl");
  const expiresAt = headers.get("stream-expires-at");
  if (ttl !== null && expiresAt !== null)
    throw invalid("Stream-TTL and Stream-Expires-At exclude each other.");
  return {
    contentType: parseContentType(headers),
    ttlSeconds: ttl === null ? undefined : parseNumber(ttl, TTL, "Stream-TTL"),
    expiresAtMs: expiresAt === null ? undefined : parseTimestamp(expiresAt),
    isClosed: isClosing(headers),
    fork: decodeFork(request),
    body: await readBytes(request, maxBytes),
  };
}

function decodeFork({ headers, url }: Request): ForkRequest | undefined {
  const from = headers.get("stream-forked-from");
  const offset = headers.get("stream-fork-offset");
  const subOffset = headers.get("stream-fork-sub-offset");
  if (from === null) {
    if (offset === null && subOffset === null) return undefined;
    throw invalid("A fork's offsets need Stream-Forked-From.");
  }
  // A path, or the address of a stream of this server.
  const path = from.startsWith("/") ? from : pathOf(from);
  const isHere = from.startsWith("/") || new URL(url).origin === originOf(from);
  if (!isHere || !path.startsWith(PREFIX))
    throw invalid(`Stream-Forked-From is a path that begins with ${PREFIX}.`);
  const number = subOffset === null ? 0 : parseNumber(subOffset, WHOLE_NUMBER, "Stream-Fork-Sub-Offset");
  return {
    source: channelFromPath(path, PREFIX),
    offset: offset === null ? undefined : parseOffset(offset === REFERENCE_START ? "-1" : offset),
    subOffset: number,
  };
}

function originOf(address: string): string | undefined {
  return URL.canParse(address) ? new URL(address).origin : undefined;
}

/** `POST` (`PROTOCOL.md`, "Append to stream" and "Close stream"). @throws EverywireError */
export async function decodeAppend(
  request: Request,
  maxBytes: number,
): Promise<Omit<StreamAppendRequest, keyof StreamWriter>> {
  const { headers } = request;
  const contentType = parseContentType(headers);
  const producer = decodeProducer(headers);
  const body = await readBytes(request, maxBytes);
  const isLast = isClosing(headers);
  if (body.byteLength === 0 && !isLast) throw invalid("An append has a body.");
  if (body.byteLength > 0 && contentType === undefined) throw invalid("An append names its Content-Type.");
  const writerSequence = headers.get("stream-seq") ?? undefined;
  if (writerSequence !== undefined) assertToken(writerSequence, "Stream-Seq");
  return { contentType, body, isClosing: isLast, producer, writerSequence };
}

function decodeProducer(headers: Headers): ProducerStamp | undefined {
  const id = headers.get("producer-id");
  const epoch = headers.get("producer-epoch");
  const sequence = headers.get("producer-seq");
  if (id === null && epoch === null && sequence === null) return undefined;
  if (id === null || epoch === null || sequence === null) {
    throw invalid("Producer-Id, Producer-Epoch and Producer-Seq come together.");
  }
  assertToken(id, "Producer-Id");
  return {
    id,
    epoch: parseNumber(epoch, WHOLE_NUMBER, "Producer-Epoch"),
    sequence: parseNumber(sequence, WHOLE_NUMBER, "Producer-Seq"),
  };
}

/** What a `GET` asks for. */
export interface StreamRead {
  readonly after: After;
  readonly live: "long-poll" | "sse" | undefined;
  /** The `Stream-Cursor` that the client was given last. */
  readonly collapseCursor: string | null;
  /** Whether it asked for the end, wherever that was: such an answer is true for a moment only. */
  readonly isTail: boolean;
}

/**
 * Reads where a reader starts: `offset`, or `after` as on every other door, or a reconnecting EventSource's
 * `Last-Event-ID`, which is newer than the address that it was opened with.
 *
 * @throws EverywireError `invalid_argument`
 */
export function decodeRead(query: URLSearchParams, headers: Headers): StreamRead {
  const live = parseLive(query.get("live"));
  const lastEventId = live === "sse" ? headers.get("last-event-id") : null;
  const hasStart = query.has("offset") || query.has("after");
  if (live !== undefined && !hasStart) throw invalid("A live read needs an 'offset'.");
  const after = lastEventId === null ? parseStart(query) : parseOffset(lastEventId);
  return { after, live, collapseCursor: query.get("cursor"), isTail: after === LATEST };
}

function parseStart(query: URLSearchParams): After {
  const offsets = query.getAll("offset");
  if (offsets.length > 1) throw invalid("There is one 'offset'.");
  const [offset] = offsets;
  if (offset !== undefined) return parseOffset(offset);
  const after = query.get("after");
  return after === null ? EARLIEST : parseAfter(after);
}

/** An offset is a cursor; `-1` is the beginning and `now` the end (`PROTOCOL.md`, "Offsets"). */
function parseOffset(text: string): After {
  if (text === "-1") return EARLIEST;
  if (text === "now") return LATEST;
  if (parseCursor(text) === undefined) throw invalid("'offset' is an offset of this stream, '-1' or 'now'.");
  return text as After;
}

function parseLive(text: string | null): StreamRead["live"] {
  if (text === null) return undefined;
  if (text === "long-poll" || text === "sse") return text;
  throw invalid("'live' is 'long-poll' or 'sse'.");
}

function isClosing(headers: Headers): boolean {
  return headers.get("stream-closed")?.toLowerCase() === "true";
}

function parseContentType(headers: Headers): string | undefined {
  const text = headers.get("content-type");
  if (text === null || text === "") return undefined;
  if (text.length <= MAX_TOKEN_LENGTH && MEDIA_TYPE.test(text)) return text;
  throw invalid("The Content-Type is no media type.");
}

function parseNumber(text: string, form: RegExp, name: string): number {
  if (!form.test(text)) throw invalid(`${name} is a whole number without sign or leading zeros.`);
  return Number(text);
}

function parseTimestamp(text: string): number {
  const ms = TIMESTAMP.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms)) throw invalid("Stream-Expires-At is an RFC 3339 timestamp.");
  return ms;
}

function assertToken(text: string, name: string): void {
  if (text === "" || text.length > MAX_TOKEN_LENGTH) {
    throw invalid(`${name} has 1 to ${MAX_TOKEN_LENGTH} characters.`);
  }
}

function invalid(message: string): EverywireError {
  return new EverywireError("invalid_argument", message);
}
