import { EverywireError } from "../../core/error.ts";

/**
 * Reads a whole number from a query parameter; undefined where it is absent.
 *
 * @throws EverywireError `invalid_argument`
 */
export function parseWholeNumber(
  text: string | null | undefined,
  name: string,
  range: { readonly min: number; readonly max: number },
): number | undefined {
  if (text === null || text === undefined) return undefined;
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= range.min && value <= range.max) return value;
  throw new EverywireError(
    "invalid_argument",
    `'${name}' is a whole number from ${range.min} to ${range.max}.`,
  );
}
