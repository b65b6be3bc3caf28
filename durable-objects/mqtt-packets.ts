import type { Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import { EverywireError } from "../core/error.ts";
import type { AcknowledgementName } from "../wire/mqtt-acknowledgement.ts";
import { BadPacket, MALFORMED_PACKET } from "../wire/mqtt-frame.ts";

/** The reason codes of MQTT 5 (§2.4) that we say. */
export const REASON = {
  SUCCESS: 0x00,
  NO_SUBSCRIPTION_EXISTED: 0x11,
  UNSPECIFIED: 0x80,
  IMPLEMENTATION: 0x83,
  NOT_AUTHORIZED: 0x87,
  BUSY: 0x89,
  TAKEN_OVER: 0x8e,
  FILTER_INVALID: 0x8f,
  TOPIC_INVALID: 0x90,
  UNKNOWN_PACKET_ID: 0x92,
  RECEIVE_MAXIMUM: 0x93,
  ALIAS_INVALID: 0x94,
  QUOTA_EXCEEDED: 0x97,
} as const;

/** The return code for "no" in MQTT 3.1.1's SUBACK (§3.9.3). */
export const FAILURE_311 = 0x80;

/** Reads one whole packet that is no PUBLISH. @throws BadPacket */
export function decodePacket(bytes: Uint8Array, version: number): Packet {
  // It reads `protocolVersion` off what it is given, which its types call an object.
  const reader = parser({ protocolVersion: version });
  const packets: Packet[] = [];
  let fault: unknown;
  reader.on("packet", (packet) => packets.push(packet));
  reader.on("error", (error) => {
    fault = error;
  });
  try {
    // It takes any bytes, which its types call a Buffer.
    reader.parse(bytes as Parameters<typeof reader.parse>[0]);
  } catch (thrown) {
    fault = thrown;
  }
  const [packet] = packets;
  if (fault !== undefined || packet === undefined) {
    const message = fault instanceof Error ? fault.message : "The packet cannot be read.";
    throw new BadPacket(MALFORMED_PACKET, message);
  }
  return packet;
}

export function encodePacket(packet: Packet, version: number): Uint8Array {
  return generate(packet, { protocolVersion: version });
}

/** What an error reads as in an acknowledgement. */
export function toReasonCode(error: EverywireError): number {
  switch (error.code) {
    case "permission_denied":
    case "unauthenticated":
      return REASON.NOT_AUTHORIZED;
    case "rate_limited":
    case "payload_too_large":
      return REASON.QUOTA_EXCEEDED;
    case "internal":
    case "unavailable":
      return REASON.UNSPECIFIED;
    default:
      return REASON.IMPLEMENTATION;
  }
}

/** Properties that say why, in words and by our own code. */
export function toReasonProperties(thrown: unknown) {
  const { code, message } = EverywireError.from(thrown);
  return { reasonString: message, userProperties: { code } };
}

/** PUBACK, PUBREC, PUBREL and PUBCOMP: the types 4 to 7. */
const ACKNOWLEDGEMENTS = { 4: "puback", 5: "pubrec", 6: "pubrel", 7: "pubcomp" } as const;

export interface Acknowledgement {
  readonly cmd: AcknowledgementName;
  readonly packetId: number;
  readonly reasonCode: number;
}

/** Reads an acknowledgement; undefined for any other packet. They come with every message, and are mostly 4 bytes. */
export function decodeAcknowledgement(bytes: Uint8Array, version: number): Acknowledgement | undefined {
  const [header = 0, length = 0, high = 0, low = 0] = bytes;
  const cmd = ACKNOWLEDGEMENTS[(header >> 4) as keyof typeof ACKNOWLEDGEMENTS];
  if (cmd === undefined) return undefined;
  const flags = cmd === "pubrel" ? 2 : 0;
  if (length === 2 && bytes.byteLength === 4 && (header & 0xf) === flags && (high | low) !== 0) {
    return { cmd, packetId: high * 256 + low, reasonCode: 0 };
  }
  const { messageId = 0, ...packet } = decodePacket(bytes, version);
  if (messageId === 0) throw new BadPacket(MALFORMED_PACKET, "A packet identifier is not zero.");
  const reasonCode = "reasonCode" in packet ? (packet.reasonCode ?? 0) : 0;
  return { cmd, packetId: messageId, reasonCode };
}
