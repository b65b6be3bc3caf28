import { Buffer } from "node:buffer";
import type { Options } from "amqplib";
import type { Line } from "../webtransport/worker-lines.ts";

/** The CloudEvents AMQP binding's prefix of application properties (v1.0.2 §3.1.3.1); on 0-9-1 those are the headers. */
const PREFIX = "cloudEvents:";
/** Some libraries of other languages write it so, which the binding allows. */
const OTHER_PREFIX = "cloudEvents_";
const STRUCTURED = "application/cloudevents+json";
const MAX_SHORT_BYTES = 255;

/** What marks a message as one that went out of here. */
export const APP_ID = "everywire-gateway";

export interface AmqpMessage {
  readonly content: Buffer;
  readonly options: Options.Publish;
}

/** An event as a message in binary mode: the data is the body, every other attribute a header. */
export function toMessage(event: Line): AmqpMessage {
  const { data, data_base64: base64, datacontenttype, ...attributes } = event;
  const headers: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(attributes)) headers[PREFIX + name] = value;
  const hasJson = data !== undefined && isJson(datacontenttype);
  const content =
    typeof base64 === "string"
      ? Buffer.from(base64, "base64")
      : Buffer.from(
          data === undefined ? "" : hasJson || typeof data !== "string" ? JSON.stringify(data) : data,
        );
  const seconds = Math.floor(Date.parse(String(event.time)) / 1000);
  return {
    content,
    options: {
      headers,
      appId: APP_ID,
      // What the log does not keep need not be kept by the broker.
      persistent: event.sequence !== undefined,
      ...short("messageId", event.id),
      ...short("type", event.type),
      ...short("contentType", datacontenttype),
      ...(Number.isNaN(seconds) ? {} : { timestamp: seconds }),
    },
  };
}

export interface ReceivedMessage {
  readonly content: Buffer;
  readonly properties: {
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
    readonly contentType?: unknown;
    readonly messageId?: unknown;
    readonly type?: unknown;
    readonly timestamp?: unknown;
  };
}

/**
 * The CloudEvent that a message is: in structured mode its body, else made from its properties.
 *
 * @param newId for a message that has no id of its own
 * @throws Error where the body is not what it says
 */
export function toEvent(
  { content, properties }: ReceivedMessage,
  newId: () => string,
): Record<string, unknown> {
  const headers = properties.headers ?? {};
  const contentType = typeof properties.contentType === "string" ? properties.contentType : undefined;
  if (contentType?.toLowerCase().startsWith(STRUCTURED)) {
    const value: unknown = JSON.parse(content.toString("utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new Error("A CloudEvent is a JSON object.");
    const { sequence: _, subject: __, ...event } = value as Record<string, unknown>;
    return { id: properties.messageId ?? newId(), ...event };
  }
  const attributes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    const attribute = toAttribute(name);
    // The channel is the subject, and the sequence is the log's to give.
    if (attribute === undefined || attribute === "subject" || attribute === "sequence") continue;
    attributes[attribute] = typeof value === "number" || typeof value === "boolean" ? value : String(value);
  }
  return {
    ...attributes,
    specversion: "1.0",
    id: properties.messageId ?? attributes.id ?? newId(),
    source: attributes.source ?? "/amqp",
    type: attributes.type ?? properties.type ?? "amqp.message",
    ...toData(content, contentType),
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

/** Bytes are the event's data as they are; what is JSON or text by its content type is that. */
function toData(content: Buffer, contentType: string | undefined): Record<string, unknown> {
  if (content.byteLength === 0) return {};
  const datacontenttype = contentType ?? "application/octet-stream";
  if (isJson(contentType)) {
    return { datacontenttype, data: JSON.parse(content.toString("utf8")) };
  }
  if (contentType?.startsWith("text/")) return { datacontenttype, data: content.toString("utf8") };
  return { datacontenttype, data_base64: content.toString("base64") };
}

function isJson(contentType: unknown): boolean {
  return typeof contentType === "string" && /^[^;]*[/+]json\s*(;|$)/i.test(contentType);
}

/** A property, where it is short enough to be one; the header has it in any case. */
function short(name: string, value: unknown): Record<string, string> {
  return typeof value === "string" && Buffer.byteLength(value) <= MAX_SHORT_BYTES ? { [name]: value } : {};
}
