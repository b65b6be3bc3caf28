import { parseRetryAfter } from "./duration.ts";
import type { Answer } from "./message.ts";
import { parseRetryDelay } from "./retry-delay.ts";
import type { Backoff } from "./settings.ts";

/** What becomes of a message after an attempt. */
export type Next =
  | { readonly kind: "delivered" }
  | { readonly kind: "retry"; readonly delayMs: number }
  | { readonly kind: "failed" };

const DAY_MS = 86_400_000;

/** In the order in which they are looked at. */
const WAIT_HEADERS = [
  "retry-after",
  "x-ratelimit-reset",
  "x-ratelimit-reset-requests",
  "x-ratelimit-reset-tokens",
];

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/**
 * Decides as QStash does: 2xx is delivered; a 489 with `Upstash-NonRetryable-Error: true` is the end, and so is the last
 * retry. What the destination asks for in `Retry-After` comes before the publisher's own expression, and that before
 * the backoff.
 */
export function decideNext(
  message: { readonly retried: number; readonly retries: number; readonly retryDelay: string | undefined },
  answer: Answer,
  backoff: Backoff,
  nowMs: number,
): Next {
  if (isSuccess(answer.status)) return { kind: "delivered" };
  if (isNonRetryable(answer) || message.retried >= message.retries) return { kind: "failed" };
  const wished = toWishedDelay(answer, nowMs);
  if (wished !== undefined) return { kind: "retry", delayMs: wished };
  if (message.retryDelay !== undefined) {
    return {
      kind: "retry",
      delayMs: clampDelay(parseRetryDelay(message.retryDelay).evaluate(message.retried)),
    };
  }
  return { kind: "retry", delayMs: toBackoffMs(message.retried + 1, backoff) };
}

/** @param count which retry it is, from 1 */
export function toBackoffMs(count: number, { scale, exponent }: Backoff): number {
  return scale * Math.min(DAY_MS, Math.exp(exponent * count) * 1000);
}

function isNonRetryable({ status, headers }: Answer): boolean {
  return status === 489 && headers["upstash-nonretryable-error"]?.[0]?.toLowerCase() === "true";
}

/** Beyond a day it is not followed, as documented. */
function toWishedDelay({ headers }: Answer, nowMs: number): number | undefined {
  const text = WAIT_HEADERS.map((name) => headers[name]?.[0]).find((value) => value !== undefined);
  const delayMs = text === undefined ? undefined : parseRetryAfter(text, nowMs);
  return delayMs !== undefined && delayMs <= DAY_MS ? delayMs : undefined;
}

/** An expression can give anything, such as the root of a negative number. */
function clampDelay(delayMs: number): number {
  if (Number.isNaN(delayMs)) return DAY_MS;
  return Math.min(DAY_MS, Math.max(0, delayMs));
}
