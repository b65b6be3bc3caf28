import type { ChannelGlob } from "./channel-name.ts";

/** Who asks. Anonymous callers have no subject. */
export type Identity = AnonymousIdentity | UserIdentity;

export interface AnonymousIdentity {
  readonly kind: "anonymous";
  /** What tells one anonymous caller from another for rate limits: the address that the edge saw, or "". */
  readonly address: string;
}

export interface UserIdentity {
  readonly kind: "user";
  /** The token's `sub`, which is also the id in `users/{id}`. */
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
  /** Where the token lists channels, it may use those and no others (and what is open to anybody). */
  readonly channels:
    | { readonly read: readonly ChannelGlob[]; readonly write: readonly ChannelGlob[] }
    | undefined;
  /** When the token ends, in epoch milliseconds; undefined where it has no `exp`. */
  readonly expiresAtMs: number | undefined;
}

export function isAdmin(identity: Identity): boolean {
  return identity.kind === "user" && identity.roles.includes("admin");
}

/** The key under which rates are counted: one per signed-in user, one per anonymous address. */
export function toRateKey(identity: Identity): string {
  return identity.kind === "user" ? `user:${identity.subject}` : `anonymous:${identity.address}`;
}

/**
 * The `source` of an event whose publisher named none (CloudEvents 1.0 §source-1). It holds the publisher, so that
 * two publishers who happen to choose the same `id` do not swallow each other's events.
 */
export function toDefaultSource(identity: Identity): string {
  return identity.kind === "user" ? `/users/${encodeURIComponent(identity.subject)}` : "/anonymous";
}
