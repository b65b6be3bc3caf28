import type { Limits } from "./limits.ts";

/** What became of one attempt. */
export type AttemptOutcome =
  | {
      readonly kind: "answered";
      readonly status: number;
      readonly retryAfter: string | null;
      /** The beginning of the body. */
      readonly response: string;
      readonly durationMs: number;
    }
  /** Nobody answered: says nothing about the event. */
  | { readonly kind: "unreachable"; readonly error: string; readonly durationMs: number }
  /** Somebody may have taken it, and did not answer in time. */
  | { readonly kind: "timed-out"; readonly error: string; readonly durationMs: number }
  /** It must not be sent there at all. */
  | { readonly kind: "refused"; readonly error: string; readonly durationMs: number }
  /** It can never be sent in this form. */
  | { readonly kind: "unsendable"; readonly error: string; readonly durationMs: number };

/** The attempts at one event so far. */
export interface Tries {
  readonly attempt: number;
  /** Those that were answered with no 2xx, or not in time. */
  readonly failures: number;
  /** Since when nobody answers; undefined where the newest attempt was answered. */
  readonly unreachableSinceMs: number | undefined;
}

export const NO_TRIES: Tries = { attempt: 0, failures: 0, unreachableSinceMs: undefined };

export type Verdict =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "dead-letter" }
  | { readonly kind: "disable"; readonly reason: string };

/**
 * How Cloudflare's network says that an origin could not be reached; elsewhere `fetch` throws. From the receiver itself
 * such a status would be one that no standard knows.
 */
const UNREACHABLE_STATUSES: ReadonlySet<number> = new Set([521, 522, 523, 525, 526, 530]);
const GONE = 410;

/** Counts an attempt. */
export function addTry(tries: Tries, outcome: AttemptOutcome, nowMs: number): Tries {
  const attempt = tries.attempt + 1;
  if (isUnreachable(outcome)) {
    const unreachableSinceMs = tries.unreachableSinceMs ?? nowMs - outcome.durationMs;
    return { attempt, failures: tries.failures, unreachableSinceMs };
  }
  return { attempt, failures: tries.failures + 1, unreachableSinceMs: undefined };
}

/**
 * Decides what follows from an attempt.
 *
 * @param tries with this attempt counted ({@link addTry})
 * @param random in [0, 1)
 */
export function judgeAttempt(
  outcome: AttemptOutcome,
  tries: Tries,
  limits: Limits,
  nowMs: number,
  random: number,
): Verdict {
  if (outcome.kind === "refused") return { kind: "disable", reason: outcome.error };
  if (outcome.kind === "unsendable") return { kind: "dead-letter" };
  if (outcome.kind === "answered") {
    if (outcome.status >= 200 && outcome.status < 300) return { kind: "delivered" };
    if (outcome.status === GONE)
      return { kind: "disable", reason: "The receiver answered 410: it wants no more." };
  }
  const { unreachableSinceMs, failures } = tries;
  const isGivenUp =
    unreachableSinceMs === undefined
      ? failures >= limits.WEBHOOK_MAX_ATTEMPTS
      : nowMs - unreachableSinceMs >= limits.WEBHOOK_UNREACHABLE_SECONDS * 1000;
  if (isGivenUp) return { kind: "dead-letter" };
  const asked = outcome.kind === "answered" ? parseRetryAfter(outcome.retryAfter, nowMs) : undefined;
  const longestMs = limits.WEBHOOK_MAX_RETRY_AFTER_SECONDS * 1000;
  return {
    kind: "retry",
    delayMs: Math.max(backoffMs(tries.attempt, limits, random), Math.min(asked ?? 0, longestMs)),
  };
}

/**
 * How long to wait after attempt number `attempt`: any time up to a bound that grows with each attempt ("full jitter"),
 * so that many endpoints of one server that was away do not all come back in the same moment.
 */
export function backoffMs(attempt: number, limits: Limits, random: number): number {
  const growth = limits.WEBHOOK_RETRY_GROWTH_PERCENT / 100;
  const boundMs = Math.min(
    limits.WEBHOOK_MAX_RETRY_MS,
    limits.WEBHOOK_FIRST_RETRY_MS * growth ** (attempt - 1),
  );
  return Math.round(boundMs * random);
}

/** `Retry-After` in milliseconds from now: seconds, or a date (RFC 9110 §10.2.3); undefined where it is neither. */
export function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,10}$/.test(text.trim())) return Number(text) * 1000;
  // A date has a comma or a month in it; Date would read much else, such as "-1" or "5.5".
  const dateMs = /[A-Za-z]{3}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs);
}

/** Why an attempt was no success, for the log; null where it was one. */
export function describeFailure(outcome: AttemptOutcome): string | null {
  if (outcome.kind !== "answered") return outcome.error;
  const { status } = outcome;
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) return `It answered ${status}; redirects are not followed.`;
  return isUnreachable(outcome) ? `It could not be reached (${status}).` : `It answered ${status}.`;
}

function isUnreachable(outcome: AttemptOutcome): boolean {
  if (outcome.kind === "answered") return UNREACHABLE_STATUSES.has(outcome.status);
  return outcome.kind === "unreachable" || outcome.kind === "refused";
}
