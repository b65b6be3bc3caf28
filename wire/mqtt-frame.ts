import { concatBytes } from "./bytes.ts";

/** The types of MQTT control packets that need telling apart before they are decoded (MQTT 5 §2.1.2). */
export const PACKET_TYPES = {
  CONNECT: 1,
  PUBLISH: 3,
  PINGREQ: 12,
  DISCONNECT: 14,
} as const;

/** PUBACK, PUBREC, PUBREL or PUBCOMP. */
export function isAcknowledgement([header = 0]: Uint8Array): boolean {
  return header >= 0x40 && header < 0x80;
}

/** A packet that breaks the rules; `reasonCode` is what MQTT 5 says of it. */
export class BadPacket extends Error {
  override readonly name = "BadPacket";
  readonly reasonCode: number;

  constructor(reasonCode: number, message: string) {
    super(message);
    this.reasonCode = reasonCode;
  }
}

export const MALFORMED_PACKET = 0x81;
export const PROTOCOL_ERROR = 0x82;
const PACKET_TOO_LARGE = 0x95;

/**
 * The length of the packet that starts at `offset`, its fixed header included; undefined where the header is not whole.
 *
 * @throws BadPacket where the remaining length is no variable byte integer (MQTT 5 §1.5.5)
 */
function packetLength(bytes: Uint8Array, offset: number): number | undefined {
  let length = 0;
  for (let index = 0; index < 4; index += 1) {
    const byte = bytes[offset + 1 + index];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 128 ** index;
    if (byte < 0x80) return 2 + index + length;
  }
  throw new BadPacket(MALFORMED_PACKET, "A packet's length has at most 4 bytes.");
}

/** A variable byte integer (MQTT 5 §1.5.5). */
export function encodeVariable(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const low = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? low | 0x80 : low);
  } while (rest > 0);
  return bytes;
}

/** Splits bytes that hold whole packets and nothing else. @throws BadPacket */
export function splitPackets(bytes: Uint8Array): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let offset = 0; offset < bytes.byteLength; ) {
    const length = packetLength(bytes, offset);
    if (length === undefined || offset + length > bytes.byteLength) {
      throw new BadPacket(MALFORMED_PACKET, "A packet is cut off.");
    }
    packets.push(bytes.subarray(offset, offset + length));
    offset += length;
  }
  return packets;
}

/** Gathers bytes as they come into whole packets, and holds no more than the largest packet that is taken. */
export class PacketFramer {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #heldBytes = 0;
  /** How many bytes the first packet needs; undefined while its header is not whole. */
  #neededBytes: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes bytes; gives the packets that are whole now.
   *
   * @throws BadPacket with the packets before it lost, as the connection is
   */
  push(chunk: Uint8Array): Uint8Array[] {
    this.#parts.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#neededBytes !== undefined && this.#heldBytes < this.#neededBytes) return [];
    const bytes = concatBytes(this.#parts);
    const packets: Uint8Array[] = [];
    let offset = 0;
    this.#neededBytes = undefined;
    while (offset < bytes.byteLength) {
      const length = packetLength(bytes, offset);
      if (length !== undefined && length > this.#maxBytes) {
        throw new BadPacket(PACKET_TOO_LARGE, `A packet has at most ${this.#maxBytes} bytes.`);
      }
      if (length === undefined || offset + length > bytes.byteLength) {
        this.#neededBytes = length;
        break;
      }
      packets.push(bytes.subarray(offset, offset + length));
      offset += length;
    }
    this.#parts = offset < bytes.byteLength ? [bytes.subarray(offset)] : [];
    this.#heldBytes = bytes.byteLength - offset;
    return packets;
  }
}
