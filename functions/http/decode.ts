import { toBase64 } from "../../core/base64.ts";
import { EverywireError } from "../../core/error.ts";
import type { NewEvent, PublishDefaults } from "../../core/event.ts";
import { parseCloudEvent, parsePlainEvent } from "../../core/event.ts";
import { bodyFormOf, STRUCTURED_MEDIA_TYPE } from "../../core/media-type.ts";
import { ATTRIBUTE_HEADER_PREFIX, BATCH_MEDIA_TYPE, decodeHeaderValue } from "../../wire/cloudevents-http.ts";
import { decodeUtf8, mediaType, parseJson, readBytes } from "../boundary/body.ts";
import { parseIdempotencyKey } from "../boundary/idempotency-key.ts";

const CHARSET = /;\s*charset="?([^\s;"]+)/i;

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

/** How a request says that it carries its events. */
type Form = "structured" | "batch" | "binary" | "plain";

/**
 * Reads the events of `POST /channels/{channel}` in whichever of the four forms the headers announce.
 *
 * @throws EverywireError `unsupported_media_type`, `invalid_argument`, `payload_too_large`
 */
export async function decodePublication(request: Request, options: DecodeOptions): Promise<Publication> {
  const { headers } = request;
  const type = mediaType(request);
  const form = formOf(headers, type);
  const attributes = form === "binary" ? readAttributes(headers) : undefined;
  const bytes = await readBytes(request, options.maxBytes);
  const publication =
    attributes === undefined
      ? decodeJson(form, parseJson(decodeUtf8(bytes)), options)
      : {
          events: [parseCloudEvent({ ...attributes, ...toData(bytes, type, headers) }, options)],
          isBatch: false,
        };
  const key = parseIdempotencyKey(headers.get("idempotency-key"));
  return key === undefined ? publication : withIdempotencyKey(publication, key);
}

function formOf(headers: Headers, type: string): Form {
  assertReadable(headers, type);
  if (type === STRUCTURED_MEDIA_TYPE) return "structured";
  if (type === BATCH_MEDIA_TYPE) return "batch";
  // A CloudEvents format that we do not read must not pass for the data of a binary event.
  if (type.startsWith("application/cloudevents")) throw unsupported();
  if (BINARY_MODE_HEADERS.some((name) => headers.has(name))) return "binary";
  if (type !== "application/json") throw unsupported();
  return "plain";
}

function decodeJson(form: Form, body: unknown, options: DecodeOptions): Publication {
  if (form === "structured") return { events: [parseCloudEvent(body, options)], isBatch: false };
  if (form === "batch") {
    if (!Array.isArray(body))
      throw new EverywireError("invalid_argument", "A batch is a JSON array of CloudEvents.");
    return { events: body.map((event) => parseCloudEvent(event, options)), isBatch: true };
  }
  if (Array.isArray(body))
    return { events: body.map((event) => parsePlainEvent(event, options)), isBatch: true };
  return { events: [parsePlainEvent(body, options)], isBatch: false };
}

/** Binary mode: the attributes are headers, the body is the data (HTTP binding §3.1). */
function readAttributes(headers: Headers): Record<string, unknown> {
  const attributes: Record<string, unknown> = {};
  for (const [header, text] of headers) {
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
  const contentType = headers.get("content-type");
  if (contentType !== null) attributes.datacontenttype = contentType;
  return attributes;
}

/** The body as the JSON format carries it. Text that would not come back as the same bytes stays bytes. */
function toData(bytes: Uint8Array, type: string, headers: Headers): Record<string, unknown> {
  if (bytes.byteLength === 0) return {};
  switch (bodyFormOf(type)) {
    case "json":
      return { data: parseJson(decodeUtf8(bytes)) };
    case "text": {
      const text = isUtf8(charsetOf(headers)) ? decodeExactly(bytes) : undefined;
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

/** JSON is UTF-8 (RFC 8259 §8.1), and bodies are read as they are: neither another charset nor a coding is undone. */
function assertReadable(headers: Headers, type: string): void {
  const coding = headers.get("content-encoding");
  if (coding !== null && coding.toLowerCase() !== "identity") {
    throw new EverywireError("unsupported_media_type", "Bodies are taken without a content coding.");
  }
  if (bodyFormOf(type) === "json" && !isUtf8(charsetOf(headers))) {
    throw new EverywireError("unsupported_media_type", "JSON is taken in UTF-8.");
  }
}

function charsetOf(headers: Headers): string {
  const match = CHARSET.exec(headers.get("content-type") ?? "");
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
