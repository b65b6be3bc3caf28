import * as z from "zod";

/** The fields that several resources share. Every text has a length, so that no record can grow without bound. */

/** A text of one line that says something: not blank. */
export function lineField(maxLength: number) {
  return z.string().min(1).max(maxLength).regex(/\S/, "Must not be blank");
}

/** Any text, also an empty one. */
export function textField(maxLength: number) {
  return z.string().max(maxLength);
}

export const idField = z.string().min(1).max(128);

/** RFC 3339, in UTC. */
export const timestampField = z.iso.datetime();

const MAX_MONEY = 1_000_000_000;

/** An amount of money: at least 0, at most two decimals, so that sums of it are exact to the cent. */
export const moneyField = z
  .number()
  .min(0)
  .max(MAX_MONEY)
  .refine(hasWholeCents, "Must have at most two decimals");

function hasWholeCents(amount: number): boolean {
  return Math.round(amount * 100) / 100 === amount;
}
