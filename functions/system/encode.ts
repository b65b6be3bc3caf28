import { ERROR_CODES } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import type { IssuedToken } from "../../core/ports.ts";
import { VERSION } from "../../core/version.ts";
import type { Door } from "../door.ts";
import { PROOFS } from "../door.ts";

/** What this server offers, from the same table of doors that the conformance suite runs. */
export function toCapabilities(doors: readonly Door[], limits: Limits, hasRateLimits: boolean) {
  return {
    name: "everywire",
    version: VERSION,
    doors: doors
      .filter((door) => door.guarantees !== undefined)
      .map(({ name, summary, guarantees }) => ({ name, summary, guarantees })),
    provedBy: PROOFS,
    limits,
    rateLimits: hasRateLimits,
    errorCodes: ERROR_CODES,
  };
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
