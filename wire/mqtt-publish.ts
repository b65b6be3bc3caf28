import { BadPacket, encodeVariable, MALFORMED_PACKET, PROTOCOL_ERROR } from "./mqtt-frame.ts";

/**
 * PUBLISH, the packet that MQTT is about (MQTT 5 §3.3, MQTT 3.1.1 §3.3). It has a codec of its own beside mqtt-packet's,
 * which keeps user properties in an object: the order of those is the publisher's, and must be kept (MQTT-3.3.2-18).
 */
export interface PublishPacket {
  /** "" where an alias stands for it. */
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly isRetained: boolean;
  readonly isDuplicate: boolean;
  /** Undefined at QoS 0. */
  readonly packetId: number | undefined;
  readonly properties: PublishProperties;
  readonly payload: Uint8Array;
}

/** The properties of a PUBLISH or a will (MQTT 5 §3.3.2.3). */
export interface PublishProperties {
  /** True where the payload is said to be UTF-8. */
  readonly isText?: boolean | undefined;
  readonly expirySeconds?: number | undefined;
  readonly topicAlias?: number | undefined;
  readonly responseTopic?: string | undefined;
  readonly correlationData?: Uint8Array | undefined;
  readonly userProperties?: readonly UserProperty[] | undefined;
  readonly subscriptionIds?: readonly number[] | undefined;
  readonly contentType?: string | undefined;
}

export type UserProperty = readonly [name: string, value: string];

const PROPERTY = {
  PAYLOAD_FORMAT: 0x01,
  EXPIRY: 0x02,
  CONTENT_TYPE: 0x03,
  RESPONSE_TOPIC: 0x08,
  CORRELATION_DATA: 0x09,
  SUBSCRIPTION_ID: 0x0b,
  TOPIC_ALIAS: 0x23,
  USER_PROPERTY: 0x26,
} as const;

const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const UTF8 = new TextEncoder();

/** Reads a whole PUBLISH packet. @throws BadPacket */
export function decodePublish(packet: Uint8Array, version: number): PublishPacket {
  const header = packet[0] ?? 0;
  const qos = (header >> 1) & 3;
  if (qos === 3) throw malformed("There is no QoS 3.");
  const isDuplicate = (header & 8) !== 0;
  if (isDuplicate && qos === 0) throw malformed("At QoS 0 nothing is a duplicate.");
  const reader = new Reader(packet, 1);
  reader.readVariable();
  const topic = reader.readText();
  const packetId = qos === 0 ? undefined : reader.readUint16();
  if (packetId === 0) throw malformed("A packet identifier is not zero.");
  const properties = version === 5 ? readProperties(reader) : {};
  return {
    topic,
    qos: qos as 0 | 1 | 2,
    isRetained: (header & 1) !== 0,
    isDuplicate,
    packetId,
    properties,
    payload: reader.rest(),
  };
}

interface Mutable {
  isText?: boolean;
  expirySeconds?: number;
  topicAlias?: number;
  responseTopic?: string;
  correlationData?: Uint8Array;
  userProperties?: UserProperty[];
  subscriptionIds?: number[];
  contentType?: string;
}

function readProperties(reader: Reader): PublishProperties {
  const properties: Mutable = {};
  const seen = new Set<number>();
  const length = reader.readVariable();
  const end = reader.offset + length;
  while (reader.offset < end) {
    const code = reader.readVariable();
    if (code === PROPERTY.USER_PROPERTY) {
      properties.userProperties ??= [];
      properties.userProperties.push([reader.readText(), reader.readText()]);
      continue;
    }
    if (seen.has(code)) throw new BadPacket(PROTOCOL_ERROR, "A property comes twice.");
    seen.add(code);
    readProperty(reader, code, properties);
  }
  if (reader.offset !== end) throw malformed("The properties are longer than they say.");
  return properties;
}

function readProperty(reader: Reader, code: number, properties: Mutable): void {
  switch (code) {
    case PROPERTY.PAYLOAD_FORMAT: {
      const format = reader.readByte();
      if (format > 1) throw new BadPacket(PROTOCOL_ERROR, "A payload format is 0 or 1.");
      properties.isText = format === 1;
      return;
    }
    case PROPERTY.EXPIRY:
      properties.expirySeconds = reader.readUint16() * 65_536 + reader.readUint16();
      return;
    case PROPERTY.CONTENT_TYPE:
      properties.contentType = reader.readText();
      return;
    case PROPERTY.RESPONSE_TOPIC:
      properties.responseTopic = reader.readText();
      return;
    case PROPERTY.CORRELATION_DATA:
      properties.correlationData = reader.readBytes();
      return;
    case PROPERTY.SUBSCRIPTION_ID:
      throw new BadPacket(PROTOCOL_ERROR, "Subscription identifiers are the server's to send.");
    case PROPERTY.TOPIC_ALIAS:
      properties.topicAlias = reader.readUint16();
      return;
    default:
      throw malformed("There is no such property of a PUBLISH.");
  }
}

/** Writes a PUBLISH packet. */
export function encodePublish(packet: PublishPacket, version: number): Uint8Array {
  const topic = UTF8.encode(packet.topic);
  const properties = version === 5 ? encodeProperties(packet.properties) : undefined;
  const idBytes = packet.packetId === undefined ? 0 : 2;
  const length = 2 + topic.byteLength + idBytes + (properties?.byteLength ?? 0) + packet.payload.byteLength;
  const writer = new Writer(1 + variableWidth(length) + length);
  const flags = (packet.isDuplicate ? 8 : 0) | (packet.qos << 1) | (packet.isRetained ? 1 : 0);
  writer.byte(0x30 | flags);
  writer.variable(length);
  writer.uint16(topic.byteLength);
  writer.raw(topic);
  if (packet.packetId !== undefined) writer.uint16(packet.packetId);
  if (properties !== undefined) writer.raw(properties);
  writer.raw(packet.payload);
  return writer.bytes;
}

const NO_PROPERTIES = Uint8Array.of(0);

function encodeProperties(properties: PublishProperties): Uint8Array {
  const body: number[] = [];
  const uint16 = (value: number) => body.push((value >> 8) & 0xff, value & 0xff);
  const data = (bytes: Uint8Array) => {
    uint16(bytes.byteLength);
    for (const byte of bytes) body.push(byte);
  };
  const { isText, expirySeconds, topicAlias, responseTopic, correlationData, contentType } = properties;
  if (isText !== undefined) body.push(PROPERTY.PAYLOAD_FORMAT, isText ? 1 : 0);
  if (expirySeconds !== undefined) {
    body.push(PROPERTY.EXPIRY);
    uint16(Math.floor(expirySeconds / 65_536));
    uint16(expirySeconds % 65_536);
  }
  if (topicAlias !== undefined) {
    body.push(PROPERTY.TOPIC_ALIAS);
    uint16(topicAlias);
  }
  for (const [code, text] of [
    [PROPERTY.RESPONSE_TOPIC, responseTopic],
    [PROPERTY.CONTENT_TYPE, contentType],
  ] as const) {
    if (text === undefined) continue;
    body.push(code);
    data(UTF8.encode(text));
  }
  if (correlationData !== undefined) {
    body.push(PROPERTY.CORRELATION_DATA);
    data(correlationData);
  }
  for (const id of properties.subscriptionIds ?? [])
    body.push(PROPERTY.SUBSCRIPTION_ID, ...encodeVariable(id));
  for (const [name, value] of properties.userProperties ?? []) {
    body.push(PROPERTY.USER_PROPERTY);
    data(UTF8.encode(name));
    data(UTF8.encode(value));
  }
  return body.length === 0 ? NO_PROPERTIES : Uint8Array.from([...encodeVariable(body.length), ...body]);
}

function variableWidth(value: number): number {
  if (value < 128) return 1;
  if (value < 16_384) return 2;
  return value < 2_097_152 ? 3 : 4;
}

/** Reads the types of MQTT 5 §1.5, and never past the end of the packet. */
class Reader {
  readonly #bytes: Uint8Array;
  offset: number;

  constructor(bytes: Uint8Array, offset: number) {
    this.#bytes = bytes;
    this.offset = offset;
  }

  readByte(): number {
    const byte = this.#bytes[this.offset];
    if (byte === undefined) throw malformed("The packet is cut off.");
    this.offset += 1;
    return byte;
  }

  readUint16(): number {
    return this.readByte() * 256 + this.readByte();
  }

  readVariable(): number {
    let value = 0;
    for (let index = 0; index < 4; index += 1) {
      const byte = this.readByte();
      value += (byte & 0x7f) * 128 ** index;
      if (byte < 0x80) return value;
    }
    throw malformed("A variable byte integer has at most 4 bytes.");
  }

  readBytes(): Uint8Array {
    const length = this.readUint16();
    const end = this.offset + length;
    if (end > this.#bytes.byteLength) throw malformed("The packet is cut off.");
    const bytes = this.#bytes.subarray(this.offset, end);
    this.offset = end;
    return bytes;
  }

  readText(): string {
    let text: string;
    try {
      text = STRICT_UTF8.decode(this.readBytes());
    } catch (thrown) {
      throw thrown instanceof BadPacket ? thrown : malformed("A text is not UTF-8.");
    }
    if (text.includes("\u0000")) throw malformed("A text has a null character.");
    return text;
  }

  rest(): Uint8Array {
    return this.#bytes.subarray(this.offset);
  }
}

class Writer {
  readonly bytes: Uint8Array;
  #offset = 0;

  constructor(length: number) {
    this.bytes = new Uint8Array(length);
  }

  byte(value: number): void {
    this.bytes[this.#offset] = value;
    this.#offset += 1;
  }

  uint16(value: number): void {
    this.byte(value >> 8);
    this.byte(value & 0xff);
  }

  variable(value: number): void {
    for (const byte of encodeVariable(value)) this.byte(byte);
  }

  raw(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.#offset);
    this.#offset += bytes.byteLength;
  }
}

function malformed(message: string): BadPacket {
  return new BadPacket(MALFORMED_PACKET, message);
}
