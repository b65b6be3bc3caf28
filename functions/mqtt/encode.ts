import { generate } from "mqtt-packet";
import { CONNECT_REASON } from "./decode.ts";

/** What a refusal reads as before MQTT 5 (MQTT 3.1.1 §3.2.2.3). */
const RETURN_CODES: Readonly<Record<number, number>> = {
  [CONNECT_REASON.UNSUPPORTED_VERSION]: 1,
  [CONNECT_REASON.CLIENT_ID_INVALID]: 2,
  [CONNECT_REASON.UNAVAILABLE]: 3,
  [CONNECT_REASON.NOT_AUTHORIZED]: 5,
};

/** The CONNACK that refuses; undefined where a client of this version cannot be told, and is only cut off. */
export function encodeRefusal(version: number, reasonCode: number, reason: string): Uint8Array | undefined {
  if (version === 5) {
    const packet = {
      cmd: "connack",
      reasonCode,
      sessionPresent: false,
      properties: { reasonString: reason },
    } as const;
    return generate(packet, { protocolVersion: 5 });
  }
  const returnCode = RETURN_CODES[reasonCode];
  if (returnCode === undefined) return undefined;
  return generate({ cmd: "connack", returnCode, sessionPresent: false }, { protocolVersion: 4 });
}

/** Why the server ends a connection of MQTT 5 (§3.14). */
export function encodeDisconnect(reasonCode: number, reason: string): Uint8Array {
  return generate(
    { cmd: "disconnect", reasonCode, properties: { reasonString: reason } },
    { protocolVersion: 5 },
  );
}

export const PINGRESP = Uint8Array.of(0xd0, 0);
