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
