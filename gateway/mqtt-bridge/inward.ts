import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { IPublishPacket } from "mqtt";
import { addMark, isMarked, MARK } from "./mark.ts";

const ATTRIBUTE = /^[a-z0-9]{1,40}$/;

export interface Arrival {
  readonly topic: string;
  readonly payload: Buffer;
  readonly packet: IPublishPacket;
  /** Of this bridge. */
  readonly instance: string;
  /** Of the session at the broker: a packet's number means the same message only in one of them. */
  readonly session: string;
}

/**
 * The CloudEvent that a message is: what the CloudEvents MQTT binding says, or an event of type `mqtt.message` as the MQTT
 * door makes (functions/mqtt/README.md). One that the broker sends again has the same id again.
 *
 * @returns undefined for one that went through this bridge already
 * @throws Error where it is not the JSON that it says it is
 */
export function toEvent({
  topic,
  payload,
  packet,
  instance,
  session,
}: Arrival): Record<string, unknown> | undefined {
  const { contentType, userProperties = {} } = packet.properties ?? {};
  const given = userProperties as Readonly<Record<string, string | string[]>>;
  const path = given[MARK];
  if (isMarked(path, instance)) return undefined;
  const mark = { [MARK]: addMark(path, instance), ...(packet.retain ? { mqttretain: true } : {}) };
  if (contentType?.toLowerCase().startsWith("application/cloudevents+json")) {
    const {
      sequence: _,
      subject: __,
      ...event
    } = JSON.parse(payload.toString("utf8")) as Record<string, unknown>;
    return { ...event, ...mark };
  }
  const own = {
    id: toId(topic, payload, packet, session),
    source: `/mqtt/${instance}`,
    type: "mqtt.message",
  };
  const attributes: Record<string, string> = {};
  if (given.specversion !== undefined) {
    for (const [name, value] of Object.entries(given)) {
      // The channel is the subject, and the sequence is the log's to give.
      if (name === "subject" || name === "sequence" || name === "data" || !ATTRIBUTE.test(name)) continue;
      if (typeof value === "string") attributes[name] = value;
    }
  }
  return { ...own, ...attributes, specversion: "1.0", ...mark, ...toData(payload, contentType) };
}

function toId(topic: string, payload: Buffer, { messageId, qos }: IPublishPacket, session: string): string {
  // Without an acknowledgement nothing is sent again, and nothing tells one from another.
  if (qos === 0) return crypto.randomUUID();
  const hash = createHash("sha256")
    .update(`${session} ${messageId} ${topic} `)
    .update(payload)
    .digest("base64url");
  return `mqtt-${hash.slice(0, 32)}`;
}

function toData(payload: Buffer, contentType: string | undefined): Record<string, unknown> {
  if (contentType !== undefined && /^[^;]*[/+]json\s*(;|$)/i.test(contentType)) {
    return { datacontenttype: contentType, data: JSON.parse(payload.toString("utf8")) };
  }
  const text = contentType === undefined || contentType.startsWith("text/") ? decode(payload) : undefined;
  if (text !== undefined) return { datacontenttype: contentType ?? "text/plain", data: text };
  return {
    datacontenttype: contentType ?? "application/octet-stream",
    data_base64: payload.toString("base64"),
  };
}

function decode(payload: Buffer): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(payload);
  } catch {
    return undefined;
  }
}
