import type { RequestRates } from "../core/ports.ts";
import { RequestsExceeded } from "../core/rate.ts";

/** The binding says that it was too much, and not for how long: its periods are of ten seconds, and this is asked again. */
const RETRY_AFTER_MS = 1000;

/**
 * Requests per second and identity, across all isolates of one of the platform's locations: by its rate-limit binding
 * (https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/), which keeps its counters beside the isolates, and is
 * lenient for that. Bursts are held back before it, in the isolate, which counts to the request.
 *
 * @param isolate what this isolate has counted itself
 */
export function createLocationRates(isolate: RequestRates, binding: RateLimit): RequestRates {
  return {
    take: async (key, ratePerSecond, nowMs) => {
      await isolate.take(key, ratePerSecond, nowMs);
      // Where it does not answer, what the isolate has counted holds.
      const { success } = await binding.limit({ key }).catch(() => ({ success: true }));
      if (!success) throw new RequestsExceeded(ratePerSecond, RETRY_AFTER_MS);
    },
  };
}
