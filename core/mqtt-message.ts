import { toBase64 } from "./base64.ts";
import { EverywireError } from "./error.ts";
import type { AttributeValue, Json, NewEvent, PublishDefaults } from "./event.ts";
import { parseCloudEvent } from "./event.ts";
import { createId } from "./ids.ts";
import { bodyFormOf, mediaTypeOf, STRUCTURED_MEDIA_TYPE } from "./media-type.ts";

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
}

/** What a PUBLISH or a will says beside its topic (MQTT 5 §3.3.2.3), as far as it is handed on. */
export interface MqttMessage {
  readonly qos: 0 | 1 | 2;
  readonly isRetained: boolean;
  readonly payload: Uint8Array;
  readonly properties: {
    /** True where the payload is said to be UTF-8. */
    readonly isText?: boolean | undefined;
    readonly expirySeconds?: number | undefined;
    readonly responseTopic?: string | undefined;
    readonly correlationData?: Uint8Array | undefined;
    readonly userProperties?: readonly MqttUserProperty[] | undefined;
    readonly contentType?: string | undefined;
  };
}

export type MqttUserProperty = readonly [name: string, value: string];

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
// What CloudEvents takes in an attribute: no control characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const ATTRIBUTE_TEXT = /^[^\u0000-\u001f\u007f]{1,1024}$/;
const ATTRIBUTE_NAME = /^[a-z0-9]{1,20}$/;

/** What is known of a publish beside the packet. */
export interface MessageContext extends PublishDefaults {
  /** The id that the event gets where it brings none; undefined mints one that no retry can repeat. */
  readonly eventId: string | undefined;
  readonly topicToKeep: string | undefined;
}

/**
 * Reads the event in a PUBLISH: a CloudEvent in structured or binary mode (CloudEvents MQTT binding 1.0.2, §3), or else
 * a message of type `mqtt.message`, whose payload comes out again byte for byte.
 *
 * @throws EverywireError `invalid_argument`
 */
export function toNewEvent(packet: MqttMessage, context: MessageContext): NewEvent {
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
function toBinaryEvent(packet: MqttMessage, context: MessageContext): NewEvent {
  const object: Record<string, unknown> = {};
  const others: MqttUserProperty[] = [];
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
  packet: MqttMessage,
  context: MessageContext,
  userProperties: readonly MqttUserProperty[] | undefined,
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
  };
  return { ...event, extensions: { ...event.extensions, ...(attributes as Record<string, AttributeValue>) } };
}

/** Says which session published an event, for subscriptions that ask for no messages of their own. */
export function withPublisher(event: NewEvent, publisher: string | undefined): NewEvent {
  if (publisher === undefined) return event;
  return { ...event, extensions: { ...event.extensions, mqttpublisher: publisher } };
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
