import { EverywireError } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import type { Bucket } from "../../core/rate.ts";
import { takeTokens } from "../../core/rate.ts";

const MAX_BUCKETS = 10_000;

/**
 * Requests per second and identity, counted in this isolate: exact on one machine, approximate (per isolate) on a
 * network of them, and free of the extra hop that a shared counter would put before every request.
 */
export class RequestRates {
  readonly #buckets = new Map<string, Bucket>();

  /** @throws EverywireError `rate_limited` */
  take(key: string, ratePerSecond: number, nowMs: number): void {
    const decision = takeTokens(this.#buckets.get(key), ratePerSecond, 1, nowMs);
    // Deleting first keeps the map in order of use, so that the oldest is the first.
    this.#buckets.delete(key);
    this.#buckets.set(key, decision.bucket);
    if (this.#buckets.size > MAX_BUCKETS) {
      const oldest = this.#buckets.keys().next();
      if (!oldest.done) this.#buckets.delete(oldest.value);
    }
    if (!decision.isAllowed) {
      throw new EverywireError("rate_limited", `At most ${ratePerSecond} requests a second.`, {
        retryAfterMs: decision.retryAfterMs,
      });
    }
  }

  /** The `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers, on the answer that refuses. */
  describe(headers: Headers, error: EverywireError, limits: Limits): void {
    const seconds = Math.max(1, Math.ceil((error.retryAfterMs ?? 1000) / 1000));
    headers.set(
      "ratelimit-policy",
      `"requests";q=${limits.REQUESTS_PER_SECOND};w=1, "publishes";q=${limits.PUBLISHES_PER_SECOND};w=1`,
    );
    headers.set("ratelimit", `"requests";r=0;t=${seconds}`);
  }
}
