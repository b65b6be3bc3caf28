import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { RequestsExceeded } from "../../core/rate.ts";
import { createLocationRates } from "../../services/location-rates.ts";

const RATE = 120;
/** What it lets through in one of its periods (vitest.config.ts). */
const LIMIT = 20;
const binding = (env as unknown as { readonly TEST_RATE: RateLimit }).TEST_RATE;
const isolate = { take: () => undefined };

it("refuses a caller who is over the rate of a location, and nobody else", async () => {
  const rates = createLocationRates(isolate, binding);
  const takeMany = (key: string, count: number) =>
    Promise.all(Array.from({ length: count }, () => rates.take(key, RATE, 0)));
  await takeMany("user:one", LIMIT / 2);
  // A period of the platform's clock may end in between, and then counts anew: two of them hold twice as many.
  await expect(takeMany("user:one", 2 * LIMIT)).rejects.toThrow(RequestsExceeded);
  await rates.take("user:two", RATE, 0);
});

it("asks the isolate first, and goes by it alone where the platform does not answer", async () => {
  const refusing = createLocationRates(
    {
      take: () => {
        throw new RequestsExceeded(RATE, 5);
      },
    },
    binding,
  );
  await expect(refusing.take("user:three", RATE, 0)).rejects.toMatchObject({ retryAfterMs: 5 });
  const silent = createLocationRates(isolate, {
    limit: () => Promise.reject(new Error("away")),
  } as RateLimit);
  await expect(silent.take("user:four", RATE, 0)).resolves.toBeUndefined();
});
