import { Buffer } from "node:buffer";
import type { IPublishPacket } from "mqtt";
import type { Line } from "../webtransport/worker-lines.ts";

type Properties = NonNullable<IPublishPacket["properties"]>;

/** What a text must not have to be one in MQTT (5 §1.5.4); brokers close the connection of whoever sends it. */
const NOT_IN_MQTT = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;

/** What MQTT says beside the payload, as the attributes that the MQTT door has for it (functions/mqtt/README.md). */
export function toAttributes(properties: Properties, nowMs: number): Record<string, unknown> {
  const { messageExpiryInterval: seconds, responseTopic, correlationData } = properties;
  return {
    ...(seconds === undefined ? {} : { mqttexpires: new Date(nowMs + seconds * 1000).toISOString() }),
    ...(responseTopic === undefined ? {} : { mqttresponsetopic: responseTopic }),
    ...(correlationData === undefined
      ? {}
      : { mqttcorrelation: Buffer.from(correlationData).toString("base64") }),
  };
}

/** The same attributes of an event as properties again. */
export function fromAttributes(event: Line, nowMs: number): Properties {
  const { mqttexpires, mqttresponsetopic: responseTopic, mqttcorrelation: correlation } = event;
  const expiresMs = toExpiry(mqttexpires);
  return {
    ...(expiresMs === undefined
      ? {}
      : { messageExpiryInterval: Math.max(1, Math.round((expiresMs - nowMs) / 1000)) }),
    ...(isMqttText(responseTopic) && !/^$|[+#]/.test(responseTopic) ? { responseTopic } : {}),
    ...(typeof correlation === "string" ? { correlationData: Buffer.from(correlation, "base64") } : {}),
  };
}

/** Whether an event says of itself that nobody wants it any more. */
export function isExpired({ mqttexpires }: Line, nowMs: number): boolean {
  const expiresMs = toExpiry(mqttexpires);
  return expiresMs !== undefined && expiresMs <= nowMs;
}

function toExpiry(value: unknown): number | undefined {
  const ms = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Whether it can be said in a property. */
export function isMqttText(value: unknown): value is string {
  return typeof value === "string" && !NOT_IN_MQTT.test(value);
}
