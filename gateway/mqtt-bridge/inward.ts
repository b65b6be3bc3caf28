import type { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { IPublishPacket } from "mqtt";
import { toEventData } from "../mirror/event-data.ts";
import { addMark, isMarked, MARK } from "./mark.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });
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
    } = JSON.parse(UTF8.decode(payload)) as Record<string, unknown>;
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
  return {
    ...own,
    ...attributes,
    specversion: "1.0",
    ...mark,
    ...toEventData(payload, contentType, { isTextLikely: true }),
  };
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
