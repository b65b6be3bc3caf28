import { fromBase64, toBase64 } from "../core/base64.ts";
import { EverywireError } from "../core/error.ts";
import type { AttributeValue, CloudEvent, Json, NewEvent, PublishDefaults } from "../core/event.ts";
import { parseCloudEvent } from "../core/event.ts";
import { createId } from "../core/ids.ts";
import { bodyFormOf, STRUCTURED_MEDIA_TYPE } from "../wire/cloudevents-http.ts";
import type { PublishPacket, PublishProperties, UserProperty } from "../wire/mqtt-publish.ts";

/** The type of an event that is an MQTT message and no CloudEvent. */
export const MESSAGE_TYPE = "mqtt.message";

/** What MQTT must hand on beside the payload, as extension attributes of the event. */
interface MessageAttributes {
  /** The QoS that it was published with; left out at 2, which is above that of no subscription. */
  readonly mqttqos?: number;
  readonly mqttretain?: boolean;
  /** When the message expires, RFC 3339. */
  readonly mqttexpires?: string;
  readonly mqttcontenttype?: string;
  readonly mqttformat?: number;
  readonly mqttresponsetopic?: string;
  /** Base64. */
  readonly mqttcorrelation?: string;
  /** User properties, as JSON: pairs in the publisher's order. */
  readonly mqttproperties?: string;
  /** The topic, where the channel's name does not give it back. */
  readonly mqtttopic?: string;
  /** Which session published it, for subscriptions that ask for no messages of their own. */
  readonly mqttpublisher?: string;
}

const UTF8 = new TextEncoder();
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// What CloudEvents takes in an attribute: no control characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const ATTRIBUTE_TEXT = /^[^\u0000-\u001f\u007f]{1,1024}$/;
const ATTRIBUTE_NAME = /^[a-z0-9]{1,20}$/;

/** What the session knows of a publish beside the packet. */
export interface MessageContext extends PublishDefaults {
  /** The id that the event gets where it brings none; undefined mints one that no retry can repeat. */
  readonly eventId: string | undefined;
  readonly topicToKeep: string | undefined;
  readonly publisher: string | undefined;
}

/**
 * Reads the event in a PUBLISH: a CloudEvent in structured or binary mode (CloudEvents MQTT binding 1.0.2, §3), or else
 * a message of type `mqtt.message`, whose payload comes out again byte for byte.
 *
 * @throws EverywireError `invalid_argument`
 */
export function toNewEvent(packet: PublishPacket, context: MessageContext): NewEvent {
  const { properties } = packet;
  const contentType = properties.contentType ?? "";
  if (mediaTypeOf(contentType) === STRUCTURED_MEDIA_TYPE) {
    return withAttributes(
      parseCloudEvent(parseJson(packet.payload), context),
      packet,
      context,
      properties.userProperties,
    );
  }
  if (properties.userProperties?.some(([name]) => name === "specversion") === true) {
    return toBinaryEvent(packet, context);
  }
  const event: NewEvent = {
    id: context.eventId ?? createId("evt", context.nowMs),
    source: context.source,
    type: MESSAGE_TYPE,
    time: new Date(context.nowMs).toISOString(),
    ...toData(packet.payload, properties.contentType),
    extensions: {},
    hasOwnId: context.eventId !== undefined,
  };
  return withAttributes(event, packet, context, properties.userProperties);
}

/** Binary mode: attributes are user properties; what cannot be an attribute is handed on as a user property. */
function toBinaryEvent(packet: PublishPacket, context: MessageContext): NewEvent {
  const object: Record<string, unknown> = {};
  const others: UserProperty[] = [];
  for (const pair of packet.properties.userProperties ?? []) {
    const [name, value] = pair;
    if (ATTRIBUTE_NAME.test(name) && !(name in object) && name !== "data") object[name] = value;
    else others.push(pair);
  }
  const { datacontenttype: _, ...attributes } = object;
  const data = toData(packet.payload, packet.properties.contentType);
  const event = parseCloudEvent({ ...attributes, ...data }, context);
  return withAttributes(event, packet, context, others);
}

function withAttributes(
  event: NewEvent,
  packet: PublishPacket,
  context: MessageContext,
  userProperties: readonly UserProperty[] | undefined,
): NewEvent {
  const { properties } = packet;
  const isMessage = event.type === MESSAGE_TYPE;
  const { contentType, expirySeconds, correlationData } = properties;
  const attributes: MessageAttributes = {
    ...(packet.qos < 2 ? { mqttqos: packet.qos } : {}),
    ...(packet.isRetained ? { mqttretain: true } : {}),
    ...(expirySeconds === undefined
      ? {}
      : { mqttexpires: new Date(context.nowMs + expirySeconds * 1000).toISOString() }),
    // "text/plain" is also what is put in where the publisher says nothing, so where it does say it, that is kept.
    ...(isMessage &&
    contentType !== undefined &&
    (contentType !== event.datacontenttype || contentType === "text/plain")
      ? { mqttcontenttype: contentType }
      : {}),
    ...(properties.isText === undefined ? {} : { mqttformat: properties.isText ? 1 : 0 }),
    ...(properties.responseTopic === undefined ? {} : { mqttresponsetopic: properties.responseTopic }),
    ...(correlationData === undefined ? {} : { mqttcorrelation: toBase64(correlationData) }),
    ...(userProperties === undefined || userProperties.length === 0
      ? {}
      : { mqttproperties: JSON.stringify(userProperties) }),
    ...(context.topicToKeep === undefined ? {} : { mqtttopic: context.topicToKeep }),
    ...(context.publisher === undefined ? {} : { mqttpublisher: context.publisher }),
  };
  return { ...event, extensions: { ...event.extensions, ...(attributes as Record<string, AttributeValue>) } };
}

type EventData = Pick<NewEvent, "data" | "data_base64" | "datacontenttype">;

/** The payload as `data` where that gives the same bytes back, or else as `data_base64`. */
function toData(payload: Uint8Array, contentType: string | undefined): EventData {
  const isType = contentType !== undefined && ATTRIBUTE_TEXT.test(contentType);
  const type = isType ? { datacontenttype: contentType } : {};
  if (payload.byteLength === 0) return type;
  const text = toText(payload);
  const form = contentType === undefined ? "text" : bodyFormOf(mediaTypeOf(contentType));
  if (text === undefined || form === "bytes") return { ...type, data_base64: toBase64(payload) };
  if (form === "text") return { datacontenttype: "text/plain", ...type, data: text };
  const json = toSameJson(text);
  return json === undefined ? { ...type, data_base64: toBase64(payload) } : { ...type, data: json.value };
}

function toText(payload: Uint8Array): string | undefined {
  try {
    return STRICT_UTF8.decode(payload);
  } catch {
    return undefined;
  }
}

/** The value of a JSON text that is written in the one way in which it would be written again. */
function toSameJson(text: string): { readonly value: Json } | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return JSON.stringify(value) === text ? { value } : undefined;
  } catch {
    return undefined;
  }
}

function parseJson(payload: Uint8Array): unknown {
  const text = toText(payload);
  try {
    if (text !== undefined) return JSON.parse(text);
  } catch {
    // Told below.
  }
  throw new EverywireError("invalid_argument", "The payload is not JSON.");
}

function mediaTypeOf(contentType: string): string {
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** An event as it goes out, before a session's own part (packet id, QoS, subscription identifiers). */
export interface OutgoingMessage {
  readonly payload: Uint8Array;
  readonly properties: PublishProperties;
}

/** The attributes of an event that decide whether and how it goes to a session. */
export interface DeliveryFacts {
  readonly qos: 0 | 1 | 2;
  readonly isRetained: boolean;
  readonly expiresMs: number | undefined;
  readonly topic: string | undefined;
  readonly publisher: string | undefined;
}

export function toDeliveryFacts(event: CloudEvent): DeliveryFacts {
  const { mqttqos, mqttexpires, mqtttopic, mqttpublisher } = event;
  const expiresMs = typeof mqttexpires === "string" ? Date.parse(mqttexpires) : Number.NaN;
  return {
    qos: mqttqos === 0 || mqttqos === 1 ? mqttqos : 2,
    isRetained: event.mqttretain === true,
    expiresMs: Number.isNaN(expiresMs) ? undefined : expiresMs,
    topic: typeof mqtttopic === "string" ? mqtttopic : undefined,
    publisher: typeof mqttpublisher === "string" ? mqttpublisher : undefined,
  };
}

export type SaysSequence = "always" | "if-alone" | "never";

/**
 * Writes an event for a client: a message as its bytes; any other event in binary mode (MQTT 5) or in structured mode
 * (MQTT 3.1.1, which has no properties).
 *
 * @param json the event as it is stored
 * @param saysSequence when a message's `sequence` is said. Where the publisher has user properties of its own these are
 *   to be handed on unaltered (MQTT-3.3.2-17), so it takes a subscriber that asked for cursors to say it `always`
 */
export function toOutgoing(
  event: CloudEvent,
  json: string,
  version: number,
  saysSequence: SaysSequence,
  nowMs: number,
): OutgoingMessage {
  const isMessage = event.type === MESSAGE_TYPE;
  if (version !== 5) {
    return { payload: isMessage ? toPayload(event) : UTF8.encode(json), properties: {} };
  }
  const { expiresMs } = toDeliveryFacts(event);
  const own = parseUserProperties(event.mqttproperties);
  const contentType = isMessage ? toMessageContentType(event) : event.datacontenttype;
  const attributes = isMessage
    ? toSequence(event, saysSequence === "always" || (saysSequence === "if-alone" && own.length === 0))
    : toAttributeProperties(event);
  const { mqttformat, mqttresponsetopic, mqttcorrelation } = event;
  return {
    payload: toPayload(event),
    properties: {
      isText: typeof mqttformat === "number" ? mqttformat === 1 : undefined,
      expirySeconds: expiresMs === undefined ? undefined : Math.max(1, Math.ceil((expiresMs - nowMs) / 1000)),
      responseTopic: typeof mqttresponsetopic === "string" ? mqttresponsetopic : undefined,
      correlationData: toBytes(mqttcorrelation),
      contentType,
      userProperties: [...own, ...attributes],
    },
  };
}

function toSequence(event: CloudEvent, isWanted: boolean): UserProperty[] {
  return isWanted && event.sequence !== undefined ? [["sequence", event.sequence]] : [];
}

/** The content type that the publisher gave; `text/plain` was put in by us where it gave none. */
function toMessageContentType(event: CloudEvent): string | undefined {
  const { mqttcontenttype, datacontenttype } = event;
  if (typeof mqttcontenttype === "string") return mqttcontenttype;
  return datacontenttype === "text/plain" ? undefined : datacontenttype;
}

const NOT_ATTRIBUTES = new Set(["data", "data_base64", "datacontenttype"]);

function toAttributeProperties(event: CloudEvent): UserProperty[] {
  return Object.entries(event).flatMap(([name, value]): UserProperty[] =>
    NOT_ATTRIBUTES.has(name) || name.startsWith("mqtt") || value === undefined ? [] : [[name, String(value)]],
  );
}

function toPayload(event: CloudEvent): Uint8Array {
  const { data, data_base64, datacontenttype } = event;
  if (data_base64 !== undefined) return fromBase64(data_base64);
  if (data === undefined) return new Uint8Array();
  const isText = typeof data === "string" && bodyFormOf(mediaTypeOf(datacontenttype ?? "")) !== "json";
  return UTF8.encode(isText ? data : JSON.stringify(data));
}

function toBytes(base64: unknown): Uint8Array | undefined {
  if (typeof base64 !== "string") return undefined;
  try {
    return fromBase64(base64);
  } catch {
    // Another wire may write what it likes into an attribute of this name.
    return undefined;
  }
}

function parseUserProperties(text: unknown): readonly UserProperty[] {
  if (typeof text !== "string") return [];
  try {
    const pairs = JSON.parse(text) as unknown;
    return Array.isArray(pairs) ? pairs.filter(isUserProperty) : [];
  } catch {
    return [];
  }
}

function isUserProperty(pair: unknown): pair is UserProperty {
  return Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === "string");
}
