import type { Env } from "./env.ts";

/** Named as in QStash's plans, where it has a name there. */
export const MAX_MESSAGE_BYTES = 1024 * 1024;
/** Of a batch as a whole; each of its messages has {@link MAX_MESSAGE_BYTES}. */
export const MAX_BATCH_BYTES = 10 * MAX_MESSAGE_BYTES;
export const MAX_BATCH_MESSAGES = 1000;
/** Of all header names and values that a message carries. */
export const MAX_HEADER_BYTES = 64 * 1024;
/** What is kept of a destination's answer, for its callback, the dead letter and the log. */
export const MAX_RESPONSE_BYTES = 256 * 1024;
export const MAX_RETRIES = 100;
export const DEFAULT_RETRIES = 3;
export const MAX_DELAY_MS = 365 * 24 * 60 * 60 * 1000;
/** As on QStash's free plan. `Upstash-Timeout` can only make it shorter. */
export const MAX_TIMEOUT_MS = 15 * 60 * 1000;
/** For how long a deduplication id is known. */
export const DEDUPLICATION_MS = 10 * 60 * 1000;
export const MAX_PAGE = 100;
export const MAX_EVENTS = 10_000;
export const DLQ_RETENTION_MS = 7 * 24 * 60 * 60 * 1000;
export const MAX_QUEUE_PARALLELISM = 100;

/** Deliveries under way at once; and to one host, so that a slow one never takes all of them. */
export const MAX_IN_FLIGHT = 256;
export const MAX_IN_FLIGHT_PER_HOST = 32;

/** Seconds until the n-th retry: `scale * min(86400, e ** (exponent * n))`. */
export interface Backoff {
  readonly scale: number;
  readonly exponent: number;
}

/** 0.1 s, 0.33 s, 1.1 s, 3.6 s: QStash's own (1 and 2.5: 12 s, 2 min, 30 min) is nothing to wait for while developing. */
export const LOCAL_BACKOFF: Backoff = { scale: 0.03, exponent: 1.2 };

export function readBackoff(env: Env): Backoff {
  return {
    scale: readNumber("QSTASH_BACKOFF_SCALE", env.QSTASH_BACKOFF_SCALE, LOCAL_BACKOFF.scale),
    exponent: readNumber("QSTASH_BACKOFF_EXPONENT", env.QSTASH_BACKOFF_EXPONENT, LOCAL_BACKOFF.exponent),
  };
}

function readNumber(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`${name} must be a number from 0, and is '${text}'.`);
  return value;
}
