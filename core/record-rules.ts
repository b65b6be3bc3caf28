import type { CollectionName, Entities } from "./entities/collections.ts";
import { toEmailKey } from "./entities/user.ts";
import { EverywireError } from "./error.ts";

/** What every store of records does alike; each is tested against the same contract. */

/** How long an idempotency key is remembered. */
export const IDEMPOTENCY_WINDOW_MS = 24 * 3600 * 1000;

/** What no two records of a collection may share; null where there is no such thing. */
export function uniqueKey(collection: CollectionName, value: Entities[CollectionName]): string | null {
  return collection === "users" ? toEmailKey((value as Entities["users"]).email) : null;
}

export function emailTaken(): EverywireError {
  return new EverywireError("already_exists", "This email is already in use.", {
    details: { email: ["Already in use"] },
  });
}

export function keyReused(): EverywireError {
  return new EverywireError("validation_failed", "This Idempotency-Key was used with another body.", {
    details: { "Idempotency-Key": ["Was used with another body"] },
  });
}

export function parentMissing(collection: CollectionName): EverywireError {
  return new EverywireError("not_found", `There is no such record in ${collection}.`);
}

const CURSOR = /^([an])([0-9a-z]{1,11})$/;

/** The cursor after a record: the order it belongs to and the position, in base 36. Inserts do not move positions. */
export function formatPosition(position: number, isNewestFirst: boolean): string {
  return `${isNewestFirst ? "n" : "a"}${position.toString(36)}`;
}

/** @throws EverywireError `invalid_argument` for what is no cursor of this order */
export function parsePosition(text: string, isNewestFirst: boolean): number {
  const match = CURSOR.exec(text);
  if (match === null || (match[1] === "n") !== isNewestFirst) {
    throw new EverywireError("invalid_argument", "'cursor' is the next_cursor of a page of this same list.");
  }
  return Number.parseInt(match[2] ?? "0", 36);
}
