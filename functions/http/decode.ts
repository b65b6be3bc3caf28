import { toBase64 } from "../../core/base64.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent, PublishDefaults } from "../../core/event.ts";
import { parseCloudEvent, parsePlainEvent } from "../../core/event.ts";
import { bodyFormOf, STRUCTURED_MEDIA_TYPE } from "../../core/media-type.ts";
import { ATTRIBUTE_HEADER_PREFIX, BATCH_MEDIA_TYPE, decodeHeaderValue } from "../../wire/cloudevents-http.ts";
import { decodeUtf8, mediaType, parseJson, readBytes } from "../boundary/body.ts";
import { parseIdempotencyKey } from "../boundary/idempotency-key.ts";

/** What one POST publishes. A batch is answered with a list, even where it has one event. */
export interface Publication {
  readonly events: readonly NewEvent[];
  readonly isBatch: boolean;
}

export interface DecodeOptions extends PublishDefaults {
  readonly maxBytes: number;
}

/** Any of these headers says that the request is a CloudEvent in binary mode. */
const BINARY_MODE_HEADERS = ["ce-specversion", "ce-type", "ce-id", "ce-source"] as const;
/** Attributes that binary mode carries elsewhere, so a header of that name is a mistake (HTTP binding §3.1.1-2). */
const NOT_HEADERS = new Set(["data", "data_base64", "datacontenttype"]);

/**
 * Reads the events of `POST /channels/{channel}` in whichever of the four forms the headers announce.
 *
 * @throws EverywireError `unsupported_media_type`, `invalid_argument`, `payload_too_large`
 */
export async function decodePublication(request: Request, options: DecodeOptions): Promise<Publication> {
  const publication = await decodeEvents(request, options);
  const key = parseIdempotencyKey(request.headers.get("idempotency-key"));
  return key === undefined ? publication : withIdempotencyKey(publication, key);
}

async function decodeEvents(request: Request, options: DecodeOptions): Promise<Publication> {
  const type = mediaType(request);
  assertReadable(request, type);
  if (type === STRUCTURED_MEDIA_TYPE) {
    return { events: [parseCloudEvent(await readJsonBody(request, options), options)], isBatch: false };
  }
  if (type === BATCH_MEDIA_TYPE) {
    const batch = await readJsonBody(request, options);
    if (!Array.isArray(batch))
      throw new EverywireError("invalid_argument", "A batch is a JSON array of CloudEvents.");
    return { events: batch.map((event) => parseCloudEvent(event, options)), isBatch: true };
  }
  // A CloudEvents format that we do not read must not pass for the data of a binary event.
  if (type.startsWith("application/cloudevents")) throw unsupported();
  if (BINARY_MODE_HEADERS.some((name) => request.headers.has(name))) {
    return { events: [await decodeBinaryEvent(request, type, options)], isBatch: false };
  }
  if (type !== "application/json") throw unsupported();
  const body = await readJsonBody(request, options);
  if (Array.isArray(body))
    return { events: body.map((event) => parsePlainEvent(event, options)), isBatch: true };
  return { events: [parsePlainEvent(body, options)], isBatch: false };
}

/** Binary mode: the attributes are headers, the body is the data (HTTP binding §3.1). */
async function decodeBinaryEvent(request: Request, type: string, options: DecodeOptions): Promise<NewEvent> {
  const attributes: Record<string, unknown> = {};
  for (const [header, text] of request.headers) {
    if (!header.startsWith(ATTRIBUTE_HEADER_PREFIX)) continue;
    const name = header.slice(ATTRIBUTE_HEADER_PREFIX.length);
    if (NOT_HEADERS.has(name)) {
      throw new EverywireError("invalid_argument", `'${name}' is not sent as a header in binary mode.`);
    }
    const value = decodeHeaderValue(text);
    if (value === undefined) {
      throw new EverywireError("invalid_argument", `The header '${header}' is not percent-encoded UTF-8.`);
    }
    attributes[name] = value;
  }
  const contentType = request.headers.get("content-type");
  if (contentType !== null) attributes.datacontenttype = contentType;
  const bytes = await readBytes(request, options.maxBytes);
  if (bytes.byteLength > 0) Object.assign(attributes, toData(bytes, type, charsetOf(request)));
  return parseCloudEvent(attributes, options);
}

/** The body as the JSON format carries it. Text that would not come back as the same bytes stays bytes. */
function toData(bytes: Uint8Array, type: string, charset: string): Record<string, unknown> {
  switch (bodyFormOf(type)) {
    case "json":
      return { data: parseJson(decodeUtf8(bytes)) };
    case "text": {
      const text = isUtf8(charset) ? decodeExactly(bytes) : undefined;
      return text === undefined ? { data_base64: toBase64(bytes) } : { data: text };
    }
    case "bytes":
      return { data_base64: toBase64(bytes) };
  }
}

function decodeExactly(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

async function readJsonBody(request: Request, options: DecodeOptions): Promise<unknown> {
  return parseJson(decodeUtf8(await readBytes(request, options.maxBytes)));
}

/** JSON is UTF-8 (RFC 8259 §8.1), and bodies are read as they are: neither another charset nor a coding is undone. */
function assertReadable(request: Request, type: string): void {
  const coding = request.headers.get("content-encoding");
  if (coding !== null && coding.toLowerCase() !== "identity") {
    throw new EverywireError("unsupported_media_type", "Bodies are taken without a content coding.");
  }
  if (bodyFormOf(type) === "json" && !isUtf8(charsetOf(request))) {
    throw new EverywireError("unsupported_media_type", "JSON is taken in UTF-8.");
  }
}

function charsetOf(request: Request): string {
  const match = /;\s*charset="?([^\s;"]+)/i.exec(request.headers.get("content-type") ?? "");
  return (match?.[1] ?? "utf-8").toLowerCase();
}

function isUtf8(charset: string): boolean {
  return charset === "utf-8" || charset === "utf8" || charset === "us-ascii";
}

/** Gives the events that have no id of their own one that comes out the same on a retry. */
function withIdempotencyKey({ events, isBatch }: Publication, key: string): Publication {
  return {
    isBatch,
    events: events.map((event, index) =>
      event.hasOwnId ? event : { ...event, id: isBatch ? `${key}-${index}` : key, hasOwnId: true },
    ),
  };
}

function unsupported(): EverywireError {
  return new EverywireError(
    "unsupported_media_type",
    `Send ${STRUCTURED_MEDIA_TYPE}, ${BATCH_MEDIA_TYPE}, application/json, or any type with 'ce-' headers.`,
  );
}
