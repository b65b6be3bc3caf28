import type { ChannelName } from "../../core/channel-name.ts";
import type { NewEvent } from "../../core/event.ts";
import { isEphemeralType } from "../../core/event.ts";
import type { Identity } from "../../core/identity.ts";
import { toDefaultSource } from "../../core/identity.ts";
import { toNewEvent } from "../../core/mqtt-message.ts";
import { assertTopicName, toChannelName, toTopicName } from "../../core/mqtt-topic.ts";
import { PACKET_TYPES } from "../../wire/mqtt-frame.ts";
import type { PublishPacket } from "../../wire/mqtt-publish.ts";
import { decodePublish } from "../../wire/mqtt-publish.ts";

/** A publish that no session has to know of, and its event. */
export interface PlainPublish {
  readonly bytes: Uint8Array;
  /** Undefined at QoS 0. */
  readonly packetId: number | undefined;
  readonly channel: ChannelName;
  readonly event: NewEvent;
}

const RETAIN = 1;
/** The bits of QoS 2, and of the QoS 3 that there is not. */
const ABOVE_QOS_1 = 4;

/**
 * Reads a publish at QoS 0 or 1 that keeps nothing and needs nothing that a session keeps. Undefined for any other packet,
 * and for one that breaks a rule: the session knows what becomes of it.
 *
 * @param isWanted asked before the event is made
 */
export function readPlainPublish(
  bytes: Uint8Array,
  version: number,
  identity: Identity,
  isWanted: (channel: ChannelName) => boolean,
): PlainPublish | undefined {
  const [header = 0] = bytes;
  if (header >> 4 !== PACKET_TYPES.PUBLISH || (header & (ABOVE_QOS_1 | RETAIN)) !== 0) return undefined;
  try {
    const packet = decodePublish(bytes, version);
    const channel = toPlainChannel(packet);
    if (channel === undefined || !isWanted(channel)) return undefined;
    const event = toNewEvent(packet, {
      source: toDefaultSource(identity),
      nowMs: Date.now(),
      eventId: undefined,
      topicToKeep: undefined,
    });
    return isEphemeralType(event.type) ? undefined : { bytes, packetId: packet.packetId, channel, event };
  } catch {
    return undefined;
  }
}

/** @throws EverywireError for a topic that nobody may publish to */
function toPlainChannel({ topic, properties }: PublishPacket): ChannelName | undefined {
  const { topicAlias, responseTopic } = properties;
  if (topicAlias !== undefined || (responseTopic !== undefined && /[+#]/.test(responseTopic)))
    return undefined;
  assertTopicName(topic);
  const channel = toChannelName(topic);
  // The session notes the topic of a channel that does not give it back.
  return typeof channel === "string" && toTopicName(channel) === topic ? channel : undefined;
}
