import type { JWTPayload } from "jose";
import { createRemoteJWKSet, jwtVerify, SignJWT } from "jose";
import { parseChannelGlob } from "../core/channel-name.ts";
import { EverywireError } from "../core/error.ts";
import type { Identity, UserIdentity } from "../core/identity.ts";
import type { IssuedToken, TokenClaims, Tokens } from "../core/ports.ts";

export interface TokenSettings {
  /** The HS256 secret; tokens signed with one are refused where it is not set. */
  readonly JWT_SECRET?: string | undefined;
  /** Where the keys of asymmetric tokens are; such tokens are refused where it is not set. */
  readonly JWKS_URL?: string | undefined;
  readonly hasDevAuth: boolean;
}

const MAX_CACHED = 1000;
const DEFAULT_TTL_SECONDS = 3600;
/** What a key set may sign with. `none` and HS* are not in it, so a public key can never pass for a secret. */
const ASYMMETRIC = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/**
 * Bearer tokens (RFC 7519), by `JWT_SECRET` (HS256) or the keys at `JWKS_URL`. A token that was good is remembered
 * until it expires, so that a signature is checked once and not on every request.
 */
export function createTokens(settings: TokenSettings): Tokens {
  const secret = settings.JWT_SECRET ? new TextEncoder().encode(settings.JWT_SECRET) : undefined;
  const keys = settings.JWKS_URL ? createRemoteJWKSet(new URL(settings.JWKS_URL)) : undefined;
  const known = new Map<string, UserIdentity>();

  const check = async (token: string): Promise<JWTPayload> => {
    const options = { requiredClaims: ["sub"] };
    if (secret !== undefined && (keys === undefined || headerAlgorithm(token) === "HS256")) {
      return (await jwtVerify(token, secret, { ...options, algorithms: ["HS256"] })).payload;
    }
    if (keys !== undefined)
      return (await jwtVerify(token, keys, { ...options, algorithms: ASYMMETRIC })).payload;
    throw new Error("No key is set.");
  };

  const recall = (token: string): UserIdentity | undefined => {
    const cached = known.get(token);
    if (cached === undefined) return undefined;
    return cached.expiresAtMs === undefined || cached.expiresAtMs > Date.now() ? cached : undefined;
  };

  return {
    recall,

    async verify(token: string): Promise<Identity> {
      const cached = recall(token);
      if (cached !== undefined) return cached;
      let payload: JWTPayload;
      try {
        payload = await check(token);
      } catch (cause) {
        throw new EverywireError("unauthenticated", "The bearer token is not valid, or no longer.", {
          cause,
        });
      }
      const identity = toIdentity(payload);
      if (known.size >= MAX_CACHED) known.clear();
      known.set(token, identity);
      return identity;
    },

    async issue(claims: TokenClaims): Promise<IssuedToken> {
      if (!settings.hasDevAuth) throw new EverywireError("not_found", "There is nothing at this path.");
      if (secret === undefined) throw new EverywireError("unavailable", "JWT_SECRET is not set.");
      const expiresInSeconds = claims.ttlSeconds ?? DEFAULT_TTL_SECONDS;
      const { subject, name, roles, channels } = claims;
      const token = await new SignJWT({
        name,
        roles: [...roles],
        ...(channels === undefined ? {} : { channels }),
      })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .setSubject(subject)
        .setIssuedAt()
        .setExpirationTime(`${expiresInSeconds}s`)
        .sign(secret);
      return { token, expiresInSeconds };
    },
  };
}

function headerAlgorithm(token: string): string | undefined {
  try {
    const text = (token.split(".", 1)[0] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    return (JSON.parse(atob(text)) as { alg?: string }).alg;
  } catch {
    return undefined;
  }
}

function toIdentity(payload: JWTPayload): UserIdentity {
  const { sub, name, roles, channels, exp } = payload as JWTPayload & Readonly<Record<string, unknown>>;
  if (typeof sub !== "string" || sub === "") throw malformed("sub");
  return {
    kind: "user",
    subject: sub,
    name: typeof name === "string" ? name : sub,
    roles: roles === undefined ? [] : toTexts(roles, "roles"),
    channels: channels === undefined ? undefined : toGrants(channels),
    expiresAtMs: exp === undefined ? undefined : exp * 1000,
  };
}

function toGrants(value: unknown): NonNullable<UserIdentity["channels"]> {
  if (typeof value !== "object" || value === null) throw malformed("channels");
  const { read, write } = value as Readonly<Record<string, unknown>>;
  const toGlobs = (list: unknown, name: string) => {
    try {
      return list === undefined ? [] : toTexts(list, name).map(parseChannelGlob);
    } catch {
      throw malformed(name);
    }
  };
  return { read: toGlobs(read, "channels.read"), write: toGlobs(write, "channels.write") };
}

function toTexts(value: unknown, name: string): string[] {
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  throw malformed(name);
}

function malformed(claim: string): EverywireError {
  return new EverywireError("unauthenticated", `The token's claim '${claim}' is not what it should be.`);
}
