import { EverywireError } from "./error.ts";

/**
 * The cursor: a position in one life of one channel, the same on every wire (CONTRACT §1).
 *
 *     0mi9x2k4qz7f-00000001a3
 *     `----------' `--------'
 *     epoch (12)   number (10), base 36
 *
 * The epoch is the time when this life of the channel began (9 characters of base-36 milliseconds) and 3 random
 * characters, so a cursor of an earlier life sorts before every cursor of a later one, and two lives never share
 * cursors. Both parts have a fixed width, so cursors compare as strings. A cursor means "after event `number`".
 */
export interface Cursor {
  readonly epoch: string;
  readonly number: number;
}

/** Where a reader starts: a cursor's text, everything that is kept, or only what comes next. */
export type After = string & { readonly __after: true };

export const EARLIEST = "earliest" as After;
export const LATEST = "latest" as After;

const EPOCH_TIME_WIDTH = 9;
const EPOCH_RANDOM_WIDTH = 3;
const EPOCH_WIDTH = EPOCH_TIME_WIDTH + EPOCH_RANDOM_WIDTH;
const NUMBER_WIDTH = 10;
const CURSOR = /^[0-9a-z]{12}-[0-9a-z]{10}$/;

/** The epoch of a channel that was never written: reading it must not write, so it has no epoch of its own yet. */
export const UNBORN_EPOCH = "0".repeat(EPOCH_WIDTH);

/** Mints the epoch of a new life. @param random in [0, 1), as from Math.random */
export function createEpoch(nowMs: number, random: number): string {
  const salt = Math.floor(random * 36 ** EPOCH_RANDOM_WIDTH);
  return (
    nowMs.toString(36).padStart(EPOCH_TIME_WIDTH, "0") + salt.toString(36).padStart(EPOCH_RANDOM_WIDTH, "0")
  );
}

export function formatCursor(epoch: string, number: number): string {
  return `${epoch}-${number.toString(36).padStart(NUMBER_WIDTH, "0")}`;
}

/** Reads a cursor's text; undefined where it is none of ours. */
export function parseCursor(text: string): Cursor | undefined {
  if (!CURSOR.test(text)) return undefined;
  const number = Number.parseInt(text.slice(EPOCH_WIDTH + 1), 36);
  return Number.isSafeInteger(number) ? { epoch: text.slice(0, EPOCH_WIDTH), number } : undefined;
}

/**
 * Checks an `after` from any wire. Absent means `latest`.
 *
 * @throws EverywireError `invalid_argument` where it is neither a cursor nor `earliest` nor `latest`
 */
export function parseAfter(value: unknown): After {
  if (value === undefined || value === null || value === "") return LATEST;
  if (value === EARLIEST || value === LATEST) return value as After;
  if (typeof value === "string" && parseCursor(value) !== undefined) return value as After;
  throw new EverywireError(
    "invalid_argument",
    "'after' is a cursor from this channel, 'earliest' or 'latest'.",
  );
}
