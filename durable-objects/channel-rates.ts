import { EverywireError } from "../core/error.ts";
import type { Bucket } from "../core/rate.ts";
import { takeTokens } from "../core/rate.ts";
import type { Settings } from "../core/settings.ts";

const MAX_BUCKETS = 10_000;

/** How much each identity publishes to one channel. In memory: an object that was evicted starts with full buckets. */
export class PublishRates {
  readonly #hasRateLimits: boolean;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ hasRateLimits, limits }: Settings) {
    this.#hasRateLimits = hasRateLimits;
    this.#perSecond = limits.PUBLISHES_PER_SECOND;
  }

  /** Refuses a publisher that is over its rate. @throws EverywireError `rate_limited` */
  take(key: string | undefined, cost: number, nowMs: number): void {
    if (key === undefined || !this.#hasRateLimits) return;
    const decision = takeTokens(this.#buckets.get(key), this.#perSecond, cost, nowMs);
    this.#buckets.set(key, decision.bucket);
    if (this.#buckets.size > MAX_BUCKETS) this.#buckets.clear();
    if (decision.isAllowed) return;
    throw new EverywireError(
      "rate_limited",
      `At most ${this.#perSecond} publishes a second to one channel.`,
      {
        retryAfterMs: decision.retryAfterMs,
      },
    );
  }
}
