import type { Limits } from "../core/limits.ts";
import type { MqttOpening } from "../core/mqtt-session.ts";
import { encodePacket, REASON } from "./mqtt-packets.ts";
import type { SessionState } from "./mqtt-session-state.ts";

/** The aliases that a client may give to topics on one connection. */
export const TOPIC_ALIAS_MAXIMUM = 64;

/** The CONNACK that says yes, and what a client of MQTT 5 has to know (§3.2). */
export function encodeConnack(
  opening: MqttOpening,
  state: SessionState,
  isSessionPresent: boolean,
  receiveMaximum: number,
  limits: Limits,
): Uint8Array {
  const { version, serverKeepAliveSeconds } = opening;
  if (version !== 5)
    return encodePacket({ cmd: "connack", returnCode: 0, sessionPresent: isSessionPresent }, version);
  const properties = {
    ...(state.expirySeconds === opening.expirySeconds ? {} : { sessionExpiryInterval: state.expirySeconds }),
    ...(opening.isIdAssigned ? { assignedClientIdentifier: opening.clientId } : {}),
    ...(serverKeepAliveSeconds === undefined ? {} : { serverKeepAlive: serverKeepAliveSeconds }),
    receiveMaximum,
    maximumPacketSize: limits.MAX_MQTT_PACKET_BYTES,
    topicAliasMaximum: TOPIC_ALIAS_MAXIMUM,
  };
  return encodePacket(
    { cmd: "connack", reasonCode: REASON.SUCCESS, sessionPresent: isSessionPresent, properties },
    version,
  );
}
