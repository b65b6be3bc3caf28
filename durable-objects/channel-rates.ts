import { EverywireError } from "../core/error.ts";
import { Buckets, RequestsExceeded } from "../core/rate.ts";
import type { Settings } from "../core/settings.ts";

/** How much each identity does on one channel. In memory: an object that was evicted starts with full buckets. */
export class ChannelRates {
  readonly #hasRateLimits: boolean;
  readonly #publishesPerSecond: number;
  readonly #requestsPerSecond: number;
  readonly #publishes = new Buckets();
  readonly #frames = new Buckets();

  constructor({ hasRateLimits, limits }: Settings) {
    this.#hasRateLimits = hasRateLimits;
    this.#publishesPerSecond = limits.PUBLISHES_PER_SECOND;
    this.#requestsPerSecond = limits.REQUESTS_PER_SECOND;
  }

  /** Refuses a publisher that is over its rate. @throws EverywireError `rate_limited` */
  takePublishes(key: string | undefined, cost: number, nowMs: number): void {
    if (key === undefined || !this.#hasRateLimits) return;
    const perSecond = this.#publishesPerSecond;
    const { isAllowed, retryAfterMs } = this.#publishes.take(key, perSecond, cost, nowMs);
    if (isAllowed) return;
    throw new EverywireError("rate_limited", `At most ${perSecond} publishes a second to one channel.`, {
      retryAfterMs,
    });
  }

  /** Counts what a socket asks for as a request is counted. @throws EverywireError `rate_limited` */
  takeFrame(key: string, nowMs: number): void {
    if (!this.#hasRateLimits) return;
    const { isAllowed, retryAfterMs } = this.#frames.take(key, this.#requestsPerSecond, 1, nowMs);
    if (!isAllowed) throw new RequestsExceeded(this.#requestsPerSecond, retryAfterMs);
  }
}
