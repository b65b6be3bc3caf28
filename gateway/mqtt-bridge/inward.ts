import type { Buffer } from "node:buffer";
import type { IPublishPacket } from "mqtt";
import { toEventData } from "../mirror/event-data.ts";
import { addMark, isMarked, MARK } from "./mark.ts";
import { toAttributes } from "./properties.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true });
const ATTRIBUTE = /^[a-z0-9]{1,40}$/;

export interface Arrival {
  readonly payload: Buffer;
  readonly packet: IPublishPacket;
  /** Of this bridge. */
  readonly instance: string;
  /** For a message that does not say what its event is called. */
  readonly toId: () => string;
}

/**
 * The CloudEvent that a message is: what the CloudEvents MQTT binding says, or an event of type `mqtt.message` as the MQTT
 * door makes (functions/mqtt/README.md). One that the broker sends again has the same id again.
 *
 * @returns undefined for one that went through this bridge already
 * @throws Error where it is not the JSON that it says it is
 */
export function toEvent({ payload, packet, instance, toId }: Arrival): Record<string, unknown> | undefined {
  const { properties = {} } = packet;
  const { contentType, userProperties = {} } = properties;
  const given = userProperties as Readonly<Record<string, string | string[]>>;
  const path = given[MARK];
  if (isMarked(path, instance)) return undefined;
  const mark = {
    ...toAttributes(properties, Date.now()),
    [MARK]: addMark(path, instance),
    ...(packet.retain ? { mqttretain: true } : {}),
  };
  if (contentType?.toLowerCase().startsWith("application/cloudevents+json")) {
    const {
      sequence: _,
      subject: __,
      ...event
    } = JSON.parse(UTF8.decode(payload)) as Record<string, unknown>;
    return { ...event, ...mark };
  }
  const own = {
    id: given.specversion !== undefined && typeof given.id === "string" ? given.id : toId(),
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
