import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import { fromEventData, toEventData } from "../mirror/event-data.ts";
import type { Line } from "../webtransport/worker-lines.ts";
import type { ContentMode } from "./settings.ts";

/** The CloudEvents AMQP binding's prefix of application properties (v1.0.2 §3.1.3.1); on 0-9-1 those are the headers. */
const PREFIX = "cloudEvents:";
/** Some libraries of other languages write it so, which the binding allows. */
const OTHER_PREFIX = "cloudEvents_";
const STRUCTURED = "application/cloudevents+json";
const MAX_SHORT_BYTES = 255;
/** All headers of a message together: the library writes 64 KiB. An event with more goes out in structured mode. */
const MAX_HEADERS_BYTES = 48 * 1024;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/** What marks a message as one that went out of here. */
export const APP_ID = "everywire-gateway";

export interface AmqpMessage {
  readonly content: Buffer;
  readonly options: Options.Publish;
}

/** An event as a message; in binary mode the data is the body, and every other attribute a header. */
export function toMessage(event: Line, contentMode: ContentMode): AmqpMessage {
  const { data: _, data_base64: __, datacontenttype, ...attributes } = event;
  const headers: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(attributes)) headers[PREFIX + name] = value;
  const seconds = Math.floor(Date.parse(String(event.time)) / 1000);
  const options: Options.Publish = {
    headers,
    appId: APP_ID,
    // What the log does not keep need not be kept by the broker.
    persistent: event.sequence !== undefined,
    ...short("messageId", event.id),
    ...short("type", event.type),
    ...short("contentType", datacontenttype),
    ...(Number.isNaN(seconds) ? {} : { timestamp: seconds }),
  };
  const isTooMuch = Buffer.byteLength(JSON.stringify(headers)) > MAX_HEADERS_BYTES;
  if (contentMode === "structured" || isTooMuch) return toStructured(event, options);
  return { content: fromEventData(event), options };
}

/** The whole event is the body; of the headers those stay by which it is recognized. */
function toStructured(event: Line, options: Options.Publish): AmqpMessage {
  const headers = { [`${PREFIX}subject`]: event.subject, [`${PREFIX}sequence`]: event.sequence };
  const content = Buffer.from(JSON.stringify(event));
  return { content, options: { ...options, headers, contentType: `${STRUCTURED}; charset=utf-8` } };
}

export interface ReceivedMessage {
  readonly content: Buffer;
  readonly properties: {
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
    readonly contentType?: unknown;
    readonly messageId?: unknown;
    readonly type?: unknown;
  };
}

/**
 * The CloudEvent that a message is: in structured mode its body, else made from its properties.
 *
 * @param newId the id of a message that has none of its own
 * @throws Error where the body is not what it says
 */
export function toEvent({ content, properties }: ReceivedMessage, newId: string): Record<string, unknown> {
  const headers = properties.headers ?? {};
  const contentType = typeof properties.contentType === "string" ? properties.contentType : undefined;
  if (contentType?.toLowerCase().startsWith(STRUCTURED)) {
    const value: unknown = JSON.parse(UTF8.decode(content));
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Error("A CloudEvent is a JSON object.");
    const { sequence: _, subject: __, ...event } = value as Record<string, unknown>;
    return { id: properties.messageId ?? newId, ...event };
  }
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    const attribute = toAttribute(name);
    // The channel is the subject, and the sequence is the log's to give.
    if (attribute === undefined || attribute === "subject" || attribute === "sequence") continue;
    const own = toValue(value);
    if (own !== undefined) attributes[attribute] = own;
  }
  return {
    ...attributes,
    specversion: "1.0",
    id: attributes.id ?? properties.messageId ?? newId,
    source: attributes.source ?? "/amqp",
    type: attributes.type ?? properties.type ?? "amqp.message",
    ...toEventData(content, contentType, { isTextLikely: false }),
  };
}

/** The channel that a message itself names. */
export function findSubject(headers: Readonly<Record<string, unknown>> | undefined): unknown {
  return headers?.[`${PREFIX}subject`] ?? headers?.[`${OTHER_PREFIX}subject`];
}

function toAttribute(header: string): string | undefined {
  for (const prefix of [PREFIX, OTHER_PREFIX])
    if (header.startsWith(prefix)) return header.slice(prefix.length);
  return undefined;
}

/** A header's value as CloudEvents write it (binding §2.2): a timestamp in RFC 3339, bytes in base64; a null is none. */
function toValue(value: unknown): string | number | boolean | undefined {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value !== "object" || value === null) return undefined;
  // As the library tells a timestamp, in seconds.
  const { "!": kind, value: seconds } = value as { readonly "!"?: unknown; readonly value?: unknown };
  if (kind !== "timestamp") return JSON.stringify(value);
  const time = new Date(Number(seconds) * 1000);
  return Number.isNaN(time.getTime()) ? String(seconds) : time.toISOString();
}

/** A property, where it is short enough to be one; the header has it in any case. */
function short(name: string, value: unknown): Record<string, string> {
  return typeof value === "string" && Buffer.byteLength(value) <= MAX_SHORT_BYTES ? { [name]: value } : {};
}
