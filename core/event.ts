import type { ChannelName } from "./channel-name.ts";
import { EverywireError } from "./error.ts";
import { createId } from "./ids.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The values that a CloudEvents attribute can have in JSON (CloudEvents JSON format 1.0, §2.2). */
export type AttributeValue = string | number | boolean;

/** An event as a publisher gives it, checked: CloudEvents 1.0 attributes, without what the log itself decides. */
export interface NewEvent {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: Json;
  /** Standard base64, where the data are bytes; never together with `data`. */
  readonly data_base64?: string;
  readonly extensions: Readonly<Record<string, AttributeValue>>;
  /** Whether the publisher chose the id. Only then can it come twice, so only then is it looked up. */
  readonly hasOwnId: boolean;
}

/** An event as every wire shows it. Ephemeral events and `everywire.gap` have no `sequence`. */
export interface CloudEvent {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: string;
  readonly subject: string;
  readonly sequence?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly data?: Json;
  readonly data_base64?: string;
  readonly [extension: string]: Json | undefined;
}

/** What a parser needs to know of the publish that an event comes with. */
export interface PublishDefaults {
  /** The `source` of an event that has none. */
  readonly source: string;
  readonly nowMs: number;
}

const MAX_ATTRIBUTE_LENGTH = 1024;
const MAX_TYPE_LENGTH = 256;
const MAX_EXTENSIONS = 32;
/** Objects inside objects. Deeper than this, encoders and decoders of many languages run out of stack, ours too. */
const MAX_DATA_DEPTH = 200;
const EXTENSION_NAME = /^[a-z0-9]{1,20}$/;
// RFC 3339 §5.6; whether the date exists is asked of Date.
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
// Control characters would end up in SSE lines and HTTP headers.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const CONTROL = /[\u0000-\u001f\u007f]/;
const RESERVED_TYPE_PREFIX = "everywire.";
const NOT_EXTENSIONS = new Set([
  "specversion",
  "id",
  "source",
  "type",
  "time",
  "subject",
  "sequence",
  "datacontenttype",
  "dataschema",
  "data",
  "data_base64",
]);

/** Types that are delivered to who listens now, and never stored (CONTRACT §1). */
const EPHEMERAL_TYPES = new Set(["presence.join", "presence.leave", "chat.typing"]);

export function isEphemeralType(type: string): boolean {
  return EPHEMERAL_TYPES.has(type);
}

/**
 * Reads a CloudEvent in JSON (structured mode, one member of a batch).
 *
 * `sequence` is the log's to give, so one that came along is dropped; a `subject` of the publisher's own is kept
 * as the extension `publishersubject`, because `subject` is the channel here.
 *
 * @throws EverywireError `invalid_argument`
 */
export function parseCloudEvent(value: unknown, defaults: PublishDefaults): NewEvent {
  const object = parseObject(value, "A CloudEvent is a JSON object.");
  if (object.specversion !== "1.0") throw invalid("'specversion' must be \"1.0\".");
  const id = parseText(object.id, "id", MAX_ATTRIBUTE_LENGTH);
  const source = parseText(object.source, "source", MAX_ATTRIBUTE_LENGTH);
  return finishEvent(object, defaults, { id, source, hasOwnId: true });
}

/**
 * Reads the plain form that every door offers: `{"type", "data"?, "id"?, "source"?, "time"?, ...}`.
 *
 * @throws EverywireError `invalid_argument`
 */
export function parsePlainEvent(value: unknown, defaults: PublishDefaults): NewEvent {
  const object = parseObject(value, 'An event is a JSON object: {"type": ..., "data": ...}.');
  if (object.specversion !== undefined) return parseCloudEvent(object, defaults);
  const hasOwnId = object.id !== undefined && object.id !== null;
  const id = hasOwnId ? parseText(object.id, "id", MAX_ATTRIBUTE_LENGTH) : createId("evt", defaults.nowMs);
  const hasSource = object.source !== undefined && object.source !== null;
  const source = hasSource ? parseText(object.source, "source", MAX_ATTRIBUTE_LENGTH) : defaults.source;
  return finishEvent(object, defaults, { id, source, hasOwnId });
}

function finishEvent(
  object: Readonly<Record<string, unknown>>,
  defaults: PublishDefaults,
  identity: Pick<NewEvent, "id" | "source" | "hasOwnId">,
): NewEvent {
  const type = parseText(object.type, "type", MAX_TYPE_LENGTH);
  if (type.startsWith(RESERVED_TYPE_PREFIX)) {
    throw invalid(`Types that start with '${RESERVED_TYPE_PREFIX}' are the log's own.`);
  }
  const hasData = object.data !== undefined;
  const hasBytes = object.data_base64 !== undefined && object.data_base64 !== null;
  if (hasData) assertShallow(object.data, 0);
  if (hasData && hasBytes) throw invalid("An event has 'data' or 'data_base64', not both.");
  const contentType = parseOptionalText(object.datacontenttype, "datacontenttype");
  const schema = parseOptionalText(object.dataschema, "dataschema");
  const time = parseTime(object.time, defaults.nowMs);
  const bytes = hasBytes ? parseBase64(object.data_base64) : undefined;
  const { id, source, hasOwnId } = identity;
  const extensions = parseExtensions(object);
  // Filled in step by step: spreading what may be absent costs more than all the checks before.
  const event: { -readonly [Name in keyof NewEvent]: NewEvent[Name] } = {
    id,
    source,
    type,
    time,
    extensions,
    hasOwnId,
  };
  if (contentType !== undefined) event.datacontenttype = contentType;
  else if (hasData) event.datacontenttype = "application/json";
  if (schema !== undefined) event.dataschema = schema;
  if (hasData) event.data = object.data as Json;
  if (bytes !== undefined) event.data_base64 = bytes;
  return event;
}

/** @throws EverywireError `invalid_argument` */
function assertShallow(value: unknown, depth: number): void {
  if (typeof value !== "object" || value === null) return;
  if (depth === MAX_DATA_DEPTH) throw invalid(`'data' is at most ${MAX_DATA_DEPTH} objects and lists deep.`);
  for (const member of Object.values(value)) assertShallow(member, depth + 1);
}

function parseExtensions(object: Readonly<Record<string, unknown>>): Record<string, AttributeValue> {
  const extensions: Record<string, AttributeValue> = {};
  let count = 0;
  for (const [name, value] of Object.entries(object)) {
    if (NOT_EXTENSIONS.has(name) || value === undefined || value === null) continue;
    count += 1;
    if (count > MAX_EXTENSIONS) throw invalid(`An event has at most ${MAX_EXTENSIONS} extension attributes.`);
    if (!EXTENSION_NAME.test(name)) {
      throw invalid(
        `'${name.slice(0, 40)}' is no attribute name: lower-case letters and digits, at most 20 (CloudEvents).`,
      );
    }
    extensions[name] = parseAttribute(value, name);
  }
  if (typeof object.subject === "string" && object.subject !== "") {
    extensions.publishersubject = parseText(object.subject, "subject", MAX_ATTRIBUTE_LENGTH);
  }
  return extensions;
}

function parseAttribute(value: unknown, name: string): AttributeValue {
  if (typeof value === "boolean") return value;
  // CloudEvents' Integer is a signed 32-bit number.
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= 0x7fff_ffff) return value;
  if (typeof value === "string" && value.length <= MAX_ATTRIBUTE_LENGTH && !CONTROL.test(value)) return value;
  throw invalid(
    `'${name}' must be a string of at most ${MAX_ATTRIBUTE_LENGTH} characters, an integer or a boolean.`,
  );
}

function parseTime(value: unknown, nowMs: number): string {
  if (value === undefined || value === null) return toTimestamp(nowMs);
  if (typeof value === "string" && TIMESTAMP.test(value) && !Number.isNaN(Date.parse(value))) return value;
  throw invalid("'time' must be an RFC 3339 timestamp.");
}

/** The time that was written last, and how: many events are published within a millisecond. */
let writtenMs = Number.NaN;
let written = "";

function toTimestamp(nowMs: number): string {
  if (nowMs !== writtenMs) {
    written = new Date(nowMs).toISOString();
    writtenMs = nowMs;
  }
  return written;
}

function parseBase64(value: unknown): string {
  if (typeof value === "string" && BASE64.test(value)) return value;
  throw invalid("'data_base64' must be standard base64.");
}

function parseText(value: unknown, name: string, maxLength: number): string {
  if (typeof value !== "string" || value === "") throw invalid(`'${name}' must be a non-empty string.`);
  if (value.length > maxLength) throw invalid(`'${name}' has at most ${maxLength} characters.`);
  if (CONTROL.test(value)) throw invalid(`'${name}' must not have control characters.`);
  return value;
}

function parseOptionalText(value: unknown, name: string): string | undefined {
  return value === undefined || value === null ? undefined : parseText(value, name, MAX_ATTRIBUTE_LENGTH);
}

function parseObject(value: unknown, message: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw invalid(message);
}

function invalid(message: string): EverywireError {
  return new EverywireError("invalid_argument", message);
}

/**
 * Encodes an event once, without its `sequence`, for the log and for every JSON wire. The log splices the `sequence` in
 * when it knows it: see {@link withSequence}.
 */
export function encodeEvent(event: NewEvent, channel: ChannelName): string {
  const { id, source, type, time, datacontenttype, dataschema, data, data_base64, extensions } = event;
  return JSON.stringify({
    specversion: "1.0",
    id,
    source,
    type,
    time,
    subject: channel,
    // What of these is undefined is left out by JSON.
    datacontenttype,
    dataschema,
    data,
    data_base64,
    ...extensions,
  });
}

/** Puts the sequence in front of an encoded event, without parsing it again. */
export function withSequence(encoded: string, sequence: string): string {
  return `{"sequence":"${sequence}",${encoded.slice(1)}`;
}

/** The event that tells a reader that it missed something (CONTRACT §1); it has no place in the log. */
export function encodeGapEvent(
  channel: string,
  gap: { readonly requested: string; readonly resumedAt: string },
  nowMs: number,
): string {
  const event: CloudEvent = {
    specversion: "1.0",
    id: `gap-${gap.resumedAt}`,
    source: "/everywire",
    type: GAP_TYPE,
    time: new Date(nowMs).toISOString(),
    subject: channel,
    datacontenttype: "application/json",
    data: { requested: gap.requested, resumedAt: gap.resumedAt },
  };
  return JSON.stringify(event);
}

export const GAP_TYPE = "everywire.gap";
