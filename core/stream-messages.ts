import { fromBase64, toBase64 } from "./base64.ts";
import type { ChannelName } from "./channel-name.ts";
import { EverywireError } from "./error.ts";
import type { Json, NewEvent } from "./event.ts";
import { parsePlainEvent } from "./event.ts";
import { createId } from "./ids.ts";
import type { Limits } from "./limits.ts";
import { toEncodedEvent } from "./operations/publish-event.ts";
import type { EncodedEvent } from "./ports.ts";
import type { StreamKind } from "./stream.ts";
import { JSON_MEDIA_TYPE, STREAM_APPEND_TYPE } from "./stream.ts";

/** An event made of a message, and the id that its publisher is told. */
export interface StreamMessage {
  readonly id: string;
  readonly event: EncodedEvent;
}

export interface StreamTarget {
  readonly channel: ChannelName;
  readonly kind: StreamKind;
  readonly contentType: string;
}

export interface MessageDefaults {
  readonly source: string;
  readonly nowMs: number;
  readonly limits: Limits;
}

/** What an event costs beyond its data: the attributes, at their usual length and then some. */
const ENVELOPE_BYTES = 2048;
const UTF8 = new TextEncoder();

/**
 * Makes events of the body of an append. An array is flattened by one level in JSON mode; bytes become one event, or
 * several where they are more than one event holds, which no reader of the stream can tell.
 *
 * @throws EverywireError `invalid_argument` for what is no JSON or no event, `payload_too_large`
 */
export function encodeMessages(
  target: StreamTarget,
  body: Uint8Array,
  defaults: MessageDefaults,
): StreamMessage[] {
  if (body.byteLength === 0) return [];
  const events =
    target.kind === "bytes" ? splitBytes(target, body, defaults) : parseMessages(target, body, defaults);
  return events.map((event) => ({
    id: event.id,
    event: toEncodedEvent(event, target.channel, defaults.limits),
  }));
}

function parseMessages(target: StreamTarget, body: Uint8Array, defaults: MessageDefaults): NewEvent[] {
  const value = parseJsonBody(body);
  const messages: readonly Json[] = Array.isArray(value) ? value : [value];
  const { MAX_APPEND_MESSAGES } = defaults.limits;
  if (messages.length > MAX_APPEND_MESSAGES) {
    throw new EverywireError("payload_too_large", `An append has at most ${MAX_APPEND_MESSAGES} messages.`);
  }
  if (target.kind === "events") return messages.map((message) => parsePlainEvent(message, defaults));
  return messages.map((data) => toAppendEvent(defaults, { datacontenttype: JSON_MEDIA_TYPE, data }));
}

function splitBytes(target: StreamTarget, body: Uint8Array, defaults: MessageDefaults): NewEvent[] {
  // base64 makes 4 characters of 3 bytes.
  const size = Math.max(1, Math.floor((defaults.limits.MAX_EVENT_BYTES - ENVELOPE_BYTES) / 4) * 3);
  const events: NewEvent[] = [];
  for (let start = 0; start < body.byteLength; start += size) {
    const data_base64 = toBase64(body.subarray(start, start + size));
    events.push(toAppendEvent(defaults, { datacontenttype: target.contentType, data_base64 }));
  }
  return events;
}

function toAppendEvent(
  { source, nowMs }: MessageDefaults,
  content: Pick<NewEvent, "datacontenttype" | "data" | "data_base64">,
): NewEvent {
  return {
    id: createId("evt", nowMs),
    source,
    type: STREAM_APPEND_TYPE,
    time: new Date(nowMs).toISOString(),
    ...content,
    extensions: {},
    hasOwnId: false,
  };
}

function parseJsonBody(body: Uint8Array): Json {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body)) as Json;
  } catch {
    throw new EverywireError("invalid_argument", "The body is not JSON.");
  }
}

interface EventContent {
  readonly data?: Json;
  readonly data_base64?: string;
}

/**
 * A stored event as a message of a stream, in JSON. In JSON mode what was appended is the message; what another door
 * published there is a message as a whole, since its type and id belong to it.
 */
export function toJsonMessage(kind: "events" | "json", type: string, json: string): string {
  if (kind === "events" || type !== STREAM_APPEND_TYPE) return json;
  return JSON.stringify((JSON.parse(json) as EventContent).data ?? null);
}

/** A stored event as bytes of a stream: what was appended, or the data that another door published there. */
export function toStreamBytes(json: string): Uint8Array<ArrayBuffer> {
  const { data, data_base64 } = JSON.parse(json) as EventContent;
  if (data_base64 !== undefined) return fromBase64(data_base64);
  if (data === undefined) return new Uint8Array();
  return UTF8.encode(typeof data === "string" ? data : JSON.stringify(data));
}

/** An event of the log with its bytes cut to the first `length`, for a fork in the middle of it. */
export function withFirstBytes(json: string, length: number): string {
  const { data: _data, ...event } = JSON.parse(json) as EventContent;
  return JSON.stringify({ ...event, data_base64: toBase64(toStreamBytes(json).subarray(0, length)) });
}
