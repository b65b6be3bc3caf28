import { ERROR_CODES } from "../../core/error.ts";
import type { GatewayOffer, IssuedToken } from "../../core/ports.ts";
import type { Settings } from "../../core/settings.ts";
import { VERSION } from "../../core/version.ts";
import type { Door } from "../door.ts";
import { PROOFS } from "../door.ts";

/** Which doors of the Worker each of the gateway's stands on: a Worker that was built without those has not this one. */
const BEHIND: Readonly<Record<string, readonly string[]>> = {
  grpc: ["connect"],
  webtransport: ["tcp"],
  udp: ["tcp", "http"],
  amqp: ["tcp", "http"],
  "mqtt-bridge": ["tcp", "http"],
};

/**
 * What this server offers, from the same table of doors that the conformance suite runs, and what the gateway adds.
 *
 * @param gateway undefined where there is none
 */
export function toCapabilities(
  doors: readonly Door[],
  { limits, hasRateLimits, hasDevAuth, tcpPorts }: Settings,
  gateway: GatewayOffer | "away" | undefined,
) {
  const own = doors
    .filter((door) => door.guarantees !== undefined)
    .map(({ name, summary, guarantees }) => ({ name, summary, guarantees }));
  return {
    name: "everywire",
    version: VERSION,
    doors: [...own, ...toGatewayDoors(gateway, doors)],
    // Those too that are no way onto channels, and so have no guarantees.
    mounted: doors.map(({ name }) => name),
    ports: Object.fromEntries(
      doors.flatMap(({ tcp }) => (tcp === undefined ? [] : [[tcp.port, tcpPorts[tcp.port]]])),
    ),
    gateway: toGatewayState(gateway),
    provedBy: PROOFS,
    limits,
    rateLimits: hasRateLimits,
    // Whether `POST /auth/token` gives tokens to whoever asks.
    devAuth: hasDevAuth,
    errorCodes: ERROR_CODES,
  };
}

function toGatewayDoors(gateway: GatewayOffer | "away" | undefined, doors: readonly Door[]) {
  if (gateway === undefined || gateway === "away") return [];
  const isThere = (name: string) => doors.some((door) => door.name === name);
  const offered = gateway.doors.filter(({ name }) => (BEHIND[name] ?? []).every(isThere));
  return offered.map((door) => ({ ...door, through: "gateway" }));
}

function toGatewayState(gateway: GatewayOffer | "away" | undefined) {
  if (gateway === undefined) return { status: "off" };
  if (gateway === "away") return { status: "unavailable" };
  const { ports, http, certificateHash } = gateway;
  return { status: "ok", ports, http, certificateHash };
}

/** RFC 6749 §5.1, and `token` for those who do not think in OAuth. */
export function toTokenAnswer(issued: IssuedToken, subject: string) {
  return {
    token: issued.token,
    access_token: issued.token,
    token_type: "Bearer",
    expires_in: issued.expiresInSeconds,
    sub: subject,
  };
}
