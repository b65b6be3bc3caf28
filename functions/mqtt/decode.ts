import type { IConnectPacket } from "mqtt-packet";
import { parser } from "mqtt-packet";
import { toBase64 } from "../../core/base64.ts";
import { createId } from "../../core/ids.ts";
import type { MqttOpening, MqttWill } from "../../core/mqtt-session.ts";
import { assertTopicName } from "../../core/mqtt-topic.ts";
import { BadPacket, MALFORMED_PACKET, PACKET_TYPES, PROTOCOL_ERROR } from "../../wire/mqtt-frame.ts";
import type { UserProperty } from "../../wire/mqtt-publish.ts";

/** The reason codes of CONNACK (MQTT 5 §3.2.2.2) that are decided before there is a session. */
export const CONNECT_REASON = {
  UNSUPPORTED_VERSION: 0x84,
  CLIENT_ID_INVALID: 0x85,
  NOT_AUTHORIZED: 0x86,
  UNAVAILABLE: 0x88,
  BAD_METHOD: 0x8c,
  TOPIC_INVALID: 0x90,
} as const;

const MAX_CLIENT_ID_LENGTH = 512;
/** "No limit" of a client that names none (MQTT 5 §3.1.2.11.3). */
const DEFAULT_RECEIVE_MAXIMUM = 65_535;
const NEVER_SECONDS = 0xffff_ffff;
const PROTOCOLS: Readonly<Record<string, readonly number[]>> = { MQTT: [4, 5], MQIsdp: [3] };
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A CONNECT, checked; who it is has still to be found. */
export interface ConnectRequest {
  readonly version: number;
  readonly keepAliveSeconds: number;
  /** The token, where one came as the password (CONTRACT §6). */
  readonly token: string | undefined;
  readonly opening: Omit<MqttOpening, "identity">;
}

/** A CONNECT that is refused; `version` is that of the answer, undefined where nothing can be answered. */
export class ConnectRefusal extends Error {
  override readonly name = "ConnectRefusal";
  readonly reasonCode: number;
  readonly version: number | undefined;

  constructor(version: number | undefined, reasonCode: number, message: string) {
    super(message);
    this.version = version;
    this.reasonCode = reasonCode;
  }
}

/** Reads the first packet of a connection. No keep-alive is taken that is longer than the given one. @throws BadPacket, ConnectRefusal */
export function decodeConnect(bytes: Uint8Array, maxKeepAliveSeconds: number): ConnectRequest {
  if ((bytes[0] ?? 0) >> 4 !== PACKET_TYPES.CONNECT) {
    throw new BadPacket(PROTOCOL_ERROR, "The first packet is CONNECT.");
  }
  const packet = parseConnect(bytes);
  const version = packet.protocolVersion ?? 0;
  if (!PROTOCOLS[packet.protocolId ?? ""]?.includes(version)) {
    throw new ConnectRefusal(4, CONNECT_REASON.UNSUPPORTED_VERSION, "This speaks MQTT 3.1, 3.1.1 and 5.");
  }
  const { properties = {} } = packet;
  if (properties.authenticationMethod !== undefined) {
    throw new ConnectRefusal(
      5,
      CONNECT_REASON.BAD_METHOD,
      "There is no enhanced authentication here: send a token as password.",
    );
  }
  for (const value of Object.values(properties)) {
    if (Array.isArray(value)) throw new BadPacket(PROTOCOL_ERROR, "A property comes twice.");
  }
  const { receiveMaximum = DEFAULT_RECEIVE_MAXIMUM, maximumPacketSize } = properties;
  if (receiveMaximum === 0 || maximumPacketSize === 0) {
    throw new BadPacket(PROTOCOL_ERROR, "A maximum is above zero.");
  }
  const isClean = packet.clean === true;
  // Before MQTT 5 a session that is kept was kept for ever (MQTT 3.1.1 §3.1.2.4).
  const expirySeconds = version === 5 ? (properties.sessionExpiryInterval ?? 0) : isClean ? 0 : NEVER_SECONDS;
  const { keepalive = 0 } = packet;
  // Before MQTT 5 a client cannot be told of another one.
  const isCut = version === 5 && keepalive > maxKeepAliveSeconds;
  return {
    version,
    keepAliveSeconds: isCut ? maxKeepAliveSeconds : keepalive,
    token: decodePassword(packet),
    opening: {
      version,
      ...toClientId(packet, version, isClean),
      isCleanStart: isClean,
      expirySeconds,
      receiveMaximum,
      maximumPacketBytes: maximumPacketSize,
      topicAliasMaximum: properties.topicAliasMaximum ?? 0,
      serverKeepAliveSeconds: isCut ? maxKeepAliveSeconds : undefined,
      wantsReasons: version === 5 && properties.requestProblemInformation !== false,
      will: packet.will === undefined ? undefined : toWill(packet.will, version),
    },
  };
}

/** @throws BadPacket, ConnectRefusal */
function parseConnect(bytes: Uint8Array): IConnectPacket {
  const reader = parser();
  const packets: IConnectPacket[] = [];
  let fault: unknown;
  reader.on("packet", (packet) => packets.push(packet as IConnectPacket));
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
  if (fault === undefined && packet !== undefined) return packet;
  const message = fault instanceof Error ? fault.message : "The packet cannot be read.";
  if (/protocol version/i.test(message)) {
    throw new ConnectRefusal(4, CONNECT_REASON.UNSUPPORTED_VERSION, "This speaks MQTT 3.1, 3.1.1 and 5.");
  }
  throw new BadPacket(MALFORMED_PACKET, message);
}

/** @throws ConnectRefusal */
function toClientId({ clientId }: IConnectPacket, version: number, isClean: boolean) {
  if (clientId.includes("\u0000") || clientId.length > MAX_CLIENT_ID_LENGTH) {
    const message = `A client id has at most ${MAX_CLIENT_ID_LENGTH} characters, and none of them is null.`;
    throw new ConnectRefusal(version, CONNECT_REASON.CLIENT_ID_INVALID, message);
  }
  if (clientId !== "") return { clientId, isIdAssigned: false };
  // A session to go on with has to have a name (MQTT-3.1.3-8).
  if (version !== 5 && !isClean) {
    throw new ConnectRefusal(
      version,
      CONNECT_REASON.CLIENT_ID_INVALID,
      "A session that is kept has a client id.",
    );
  }
  return { clientId: createId("mbr"), isIdAssigned: true };
}

/** @throws BadPacket, ConnectRefusal */
function toWill(will: NonNullable<IConnectPacket["will"]>, version: number): MqttWill {
  const { topic, payload, properties = {} } = will;
  const qos = will.qos as number;
  if (qos > 2) throw new BadPacket(MALFORMED_PACKET, "There is no QoS 3.");
  try {
    assertTopicName(topic);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : "";
    throw new ConnectRefusal(version, CONNECT_REASON.TOPIC_INVALID, `The will's topic: ${message}`);
  }
  return {
    topic,
    qos: qos as 0 | 1 | 2,
    isRetained: will.retain === true,
    payload: toBase64(payload as Uint8Array),
    delaySeconds: properties.willDelayInterval ?? 0,
    isText: properties.payloadFormatIndicator,
    expirySeconds: properties.messageExpiryInterval,
    contentType: properties.contentType,
    responseTopic: properties.responseTopic,
    correlationData:
      properties.correlationData === undefined ? undefined : toBase64(properties.correlationData),
    userProperties: toPairs(properties.userProperties),
  };
}

function toPairs(
  properties: Readonly<Record<string, string | string[]>> | undefined,
): UserProperty[] | undefined {
  if (properties === undefined) return undefined;
  return Object.entries(properties).flatMap(([name, values]) =>
    [values].flat().map((value): UserProperty => [name, value]),
  );
}

/** @throws ConnectRefusal */
function decodePassword({ password, protocolVersion }: IConnectPacket): string | undefined {
  if (password === undefined || password.length === 0) return undefined;
  try {
    return STRICT_UTF8.decode(password);
  } catch {
    throw new ConnectRefusal(
      protocolVersion,
      CONNECT_REASON.NOT_AUTHORIZED,
      "The password is a bearer token.",
    );
  }
}
