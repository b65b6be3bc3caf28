import { EverywireError } from "./error.ts";

/** A token bucket: holds at most one second's worth, and refills continuously. */
export interface Bucket {
  readonly tokens: number;
  readonly updatedMs: number;
}

export interface RateDecision {
  readonly bucket: Bucket;
  readonly isAllowed: boolean;
  /** Whole tokens that are left. */
  readonly remaining: number;
  /** Until the same cost could be met; 0 where it was allowed. */
  readonly retryAfterMs: number;
}

/** Takes `cost` from a bucket, or says when it could be taken. Pure: the caller keeps the bucket. */
export function takeTokens(
  bucket: Bucket | undefined,
  ratePerSecond: number,
  cost: number,
  nowMs: number,
): RateDecision {
  const elapsedMs = bucket === undefined ? 0 : Math.max(0, nowMs - bucket.updatedMs);
  const held =
    bucket === undefined
      ? ratePerSecond
      : Math.min(ratePerSecond, bucket.tokens + (elapsedMs * ratePerSecond) / 1000);
  // A batch larger than the bucket is let through when the bucket is full, and paid for afterwards.
  const needed = Math.min(cost, ratePerSecond);
  if (held < needed) {
    return {
      bucket: { tokens: held, updatedMs: nowMs },
      isAllowed: false,
      remaining: Math.max(0, Math.floor(held)),
      retryAfterMs: Math.ceil(((needed - held) * 1000) / ratePerSecond),
    };
  }
  const left = held - cost;
  return {
    bucket: { tokens: left, updatedMs: nowMs },
    isAllowed: true,
    remaining: Math.max(0, Math.floor(left)),
    retryAfterMs: 0,
  };
}

const MAX_BUCKETS = 10_000;

/** A bucket for each of many keys, in memory. Past {@link MAX_BUCKETS} the one that was used least recently goes. */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>();

  take(key: string, ratePerSecond: number, cost: number, nowMs: number): RateDecision {
    const decision = takeTokens(this.#buckets.get(key), ratePerSecond, cost, nowMs);
    // Deleting first keeps the map in order of use, so that the oldest is the first.
    this.#buckets.delete(key);
    this.#buckets.set(key, decision.bucket);
    if (this.#buckets.size > MAX_BUCKETS) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    return decision;
  }
}

/** A caller is over its requests, and not over its publishes: an HTTP answer says which. */
export class RequestsExceeded extends EverywireError {
  constructor(ratePerSecond: number, retryAfterMs: number) {
    super("rate_limited", `At most ${ratePerSecond} requests a second.`, { retryAfterMs });
  }
}
