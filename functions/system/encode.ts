import { ERROR_CODES } from "../../core/error.ts";
import type { GatewayOffer, IssuedToken } from "../../core/ports.ts";
import type { Settings } from "../../core/settings.ts";
import { VERSION } from "../../core/version.ts";
import type { Door } from "../door.ts";
import { PROOFS } from "../door.ts";

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
    doors: [...own, ...toGatewayDoors(gateway)],
    ports: tcpPorts,
    gateway: toGatewayState(gateway),
    provedBy: PROOFS,
    limits,
    rateLimits: hasRateLimits,
    // Whether `POST /auth/token` gives tokens to whoever asks.
    devAuth: hasDevAuth,
    errorCodes: ERROR_CODES,
  };
}

function toGatewayDoors(gateway: GatewayOffer | "away" | undefined) {
  if (gateway === undefined || gateway === "away") return [];
  return gateway.doors.map((door) => ({ ...door, through: "gateway" }));
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
