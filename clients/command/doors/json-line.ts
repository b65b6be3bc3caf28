import type { EverywireError } from "../../typescript/error.ts";
import { parseError } from "../../typescript/error.ts";
import { lost } from "./door.ts";

/** Reads one JSON object of a wire. @throws EverywireError where it is none: something on the way wrote it */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // Told below: what it was is of no use to anybody.
  }
  throw lost(`What came is not Everywire's: ${text.slice(0, 80)}`);
}

/** An error that a wire told in its own envelope; `unavailable` where it told none that is known. */
export function toTold(value: unknown): EverywireError {
  return parseError(value) ?? lost(`It ended with ${JSON.stringify(value)?.slice(0, 200)}`);
}
