import type { EverywireError } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import { Buckets, RequestsExceeded } from "../../core/rate.ts";

/**
 * Requests per second and identity, counted in this isolate: exact on one machine, approximate (per isolate) on a
 * network of them, and free of the extra hop that a shared counter would put before every request.
 */
export class RequestRates {
  readonly #buckets = new Buckets();

  /** @throws RequestsExceeded */
  take(key: string, ratePerSecond: number, nowMs: number): void {
    const { isAllowed, retryAfterMs } = this.#buckets.take(key, ratePerSecond, 1, nowMs);
    if (!isAllowed) throw new RequestsExceeded(ratePerSecond, retryAfterMs);
  }
}

/**
 * The fields of draft-ietf-httpapi-ratelimit-headers (`RateLimit`, `RateLimit-Policy`) and `Retry-After` on an answer that
 * refuses. Answers that do not refuse are without them: the draft leaves that open, what is left is stale by the time
 * that it is read (other connections of the caller draw on it too), and every answer would pay for it.
 */
export function describeRates(headers: Headers, error: EverywireError, limits: Limits): void {
  const seconds = String(Math.max(1, Math.ceil((error.retryAfterMs ?? 1000) / 1000)));
  const policy = error instanceof RequestsExceeded ? "requests" : "publishes";
  headers.set("retry-after", seconds);
  headers.set(
    "ratelimit-policy",
    `"requests";q=${limits.REQUESTS_PER_SECOND};w=1, "publishes";q=${limits.PUBLISHES_PER_SECOND};w=1`,
  );
  headers.set("ratelimit", `"${policy}";r=0;t=${seconds}`);
}
