import { EverywireError } from "../../core/error.ts";

const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 24 * 3600 } as const;
const MAX_SECONDS = 365 * 24 * 3600;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;

/**
 * A time span in whole seconds: a number, or a text such as `10s`, `2m`, `1h`, `3d`, as QStash writes it. A year at most.
 *
 * @throws EverywireError `invalid_argument`
 */
export function parseDuration(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const seconds = typeof value === "string" ? fromText(value) : value;
  if (typeof seconds === "number" && Number.isInteger(seconds) && seconds >= 0 && seconds <= MAX_SECONDS) {
    return seconds;
  }
  throw new EverywireError(
    "invalid_argument",
    `'${name}' is whole seconds, or a text such as "10s", "2m", "1h", "3d".`,
  );
}

function fromText(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  return unit === undefined ? undefined : Number(count) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
}

/**
 * A point in time, as the second since 1970: that number, or an RFC 3339 timestamp (rounded up).
 *
 * @throws EverywireError `invalid_argument`
 */
export function parseInstant(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const seconds =
    typeof value === "string" && RFC_3339.test(value) ? Math.ceil(Date.parse(value) / 1000) : value;
  // From 1e11 on it would be milliseconds, which is a mistake and not the year 5138.
  if (typeof seconds === "number" && Number.isInteger(seconds) && seconds >= 0 && seconds < 1e11)
    return seconds;
  throw new EverywireError(
    "invalid_argument",
    `'${name}' is the second since 1970, or an RFC 3339 timestamp.`,
  );
}
