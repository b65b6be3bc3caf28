import type { Identity } from "./identity.ts";
import type { Limits } from "./limits.ts";
import type { PolicyRules } from "./policy.ts";
import type { Ports } from "./ports.ts";
import type { TargetRules } from "./private-address.ts";

/** What every operation is called with: who asks, and what it may use. */
export interface OperationContext {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly limits: Limits;
  readonly policy: PolicyRules;
  /** Which URLs that somebody gave may be called. */
  readonly targets: TargetRules;
  readonly nowMs: number;
  /** False with `RATE_LIMITS=off`. */
  readonly hasRateLimits: boolean;
}
