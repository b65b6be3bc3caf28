import { fromBase64 } from "../core/base64.ts";
import type { CloudEvent } from "../core/event.ts";
import { bodyFormOf, mediaTypeOf } from "../core/media-type.ts";
import { MESSAGE_TYPE } from "../core/mqtt-message.ts";
import type { PublishProperties, UserProperty } from "../wire/mqtt-publish.ts";

const UTF8 = new TextEncoder();

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
