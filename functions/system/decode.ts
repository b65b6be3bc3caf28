import { parseChannelGlob, parseChannelName } from "../../core/channel-name.ts";
import { EverywireError } from "../../core/error.ts";
import { createId } from "../../core/ids.ts";
import type { TokenClaims } from "../../core/ports.ts";

const MAX_NAME_LENGTH = 100;
const MAX_LIST_LENGTH = 20;
const MAX_TTL_SECONDS = 24 * 3600;
const MAX_SUBJECT_LENGTH = 64;

/**
 * Reads the body of `POST /auth/token`: `{name, roles?, sub?, channels?, expiresIn?}`.
 *
 * @throws EverywireError `validation_failed`, with every field that is wrong
 */
export function parseTokenRequest(value: unknown): TokenClaims {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new EverywireError("invalid_argument", 'Send a JSON object: {"name": ...}.');
  }
  const { name, roles, sub, channels, expiresIn } = value as Readonly<Record<string, unknown>>;
  const details: Record<string, string[]> = {};
  const isNameGood = typeof name === "string" && name.trim() !== "" && name.length <= MAX_NAME_LENGTH;
  if (!isNameGood) details.name = [`is a string of 1-${MAX_NAME_LENGTH} characters`];
  if (roles !== undefined && !isTextList(roles)) details.roles = ["is a list of strings"];
  if (sub !== undefined && !isSubject(sub)) details.sub = ["is 1-64 of A-Z a-z 0-9 . _ ~ : @ -"];
  const grants = channels === undefined ? undefined : toGrants(channels);
  if (channels !== undefined && grants === undefined) {
    details.channels = ["is {read: [patterns], write: [patterns]}"];
  }
  if (expiresIn !== undefined && !isTtl(expiresIn)) {
    details.expiresIn = [`is a whole number of seconds from 1 to ${MAX_TTL_SECONDS}`];
  }
  if (!isNameGood || Object.keys(details).length > 0) {
    throw new EverywireError("validation_failed", "The token request is not valid.", { details });
  }
  return {
    subject: (sub as string | undefined) ?? toSubject(name),
    name,
    roles: (roles as readonly string[] | undefined) ?? [],
    channels: grants,
    ttlSeconds: expiresIn as number | undefined,
  };
}

/** A name that can stand in `users/{id}` is its own subject, so that "alice" is easy to find again. */
function toSubject(name: string): string {
  if (isSubject(name)) return name;
  const slug = name
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9._~:@-]+/g, "-")
    .slice(0, MAX_SUBJECT_LENGTH)
    .replace(/^-+|-+$/g, "");
  return isSubject(slug) ? slug : createId("usr");
}

/** The subject is one segment of a channel name: `users/{sub}`. */
function isSubject(value: unknown): boolean {
  if (typeof value !== "string" || value.includes("/")) return false;
  try {
    parseChannelName(value);
    return true;
  } catch {
    return false;
  }
}

function isTtl(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_TTL_SECONDS;
}

function isTextList(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= MAX_LIST_LENGTH &&
    value.every((item) => typeof item === "string" && item !== "" && item.length <= MAX_NAME_LENGTH)
  );
}

function toGrants(value: unknown): TokenClaims["channels"] {
  if (typeof value !== "object" || value === null) return undefined;
  const { read = [], write = [] } = value as Readonly<Record<string, unknown>>;
  return isGlobList(read) && isGlobList(write) ? { read, write } : undefined;
}

function isGlobList(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length > MAX_LIST_LENGTH) return false;
  try {
    value.forEach(parseChannelGlob);
    return true;
  } catch {
    return false;
  }
}
