import type { Identity } from "./identity.ts";
import type { Limits } from "./limits.ts";
import type { PolicyRules } from "./policy.ts";
import type { Ports } from "./ports.ts";

/** What every operation is called with: who asks, and what it may use. */
export interface OperationContext {
  readonly identity: Identity;
  readonly ports: Ports;
  readonly limits: Limits;
  readonly policy: PolicyRules;
  readonly nowMs: number;
  /** False with `RATE_LIMITS=off`. */
  readonly hasRateLimits: boolean;
}
