import { badRequest } from "./problem.ts";

const SECOND = 1000;
const UNITS_MS: Readonly<Record<string, number>> = {
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
  d: 86_400 * SECOND,
};

const ANSWER_UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: SECOND,
  m: 60 * SECOND,
  h: 3600 * SECOND,
};

/**
 * A duration as publishers write it.
 *
 * @returns milliseconds
 * @throws QstashProblem 400 where it is none; `name` says of what
 * @example parseDuration("Upstash-Delay", "1d10h30m") // 124_200_000
 */
export function parseDuration(name: string, text: string): number {
  if (!/^(\d{1,9}(\.\d{1,3})?[smhd]){1,4}$/.test(text)) {
    throw badRequest(
      `${name} must be a duration like 30s, 5m, 2h or 1d10h30m, and is "${text.slice(0, 40)}"`,
    );
  }
  return sum(text, /(\d+(?:\.\d+)?)([smhd])/g, UNITS_MS);
}

/**
 * When a destination wants to be asked again, as it says so in `Retry-After` and the like: seconds, a date, or a
 * duration as Go writes it.
 *
 * @returns milliseconds from now, undefined where the text says nothing that can be understood
 */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  const trimmed = text.trim();
  if (/^\d{1,12}(\.\d+)?$/.test(trimmed)) return Number(trimmed) * SECOND;
  if (/^(\d{1,12}(\.\d{1,9})?(ns|us|µs|μs|ms|s|m|h)){1,6}$/.test(trimmed)) {
    return sum(trimmed, /(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g, ANSWER_UNITS_MS);
  }
  if (!/^[A-Z][a-z]{2,8},? /.test(trimmed)) return undefined;
  const date = Date.parse(trimmed);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function sum(text: string, part: RegExp, units: Readonly<Record<string, number>>): number {
  return Array.from(text.matchAll(part)).reduce(
    (total, [, count, unit]) => total + Number(count) * (units[unit ?? ""] ?? 0),
    0,
  );
}
