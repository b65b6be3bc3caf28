import type { Limits } from "../core/limits.ts";
import type { RequestRates } from "../core/ports.ts";
import { createRedisClient } from "./redis-client.ts";
import type { OutboxPorts } from "./redis-outbox.ts";
import { createRedisRequestRates } from "./redis-rates.ts";
import type { RedisRecords } from "./redis-records.ts";
import { createRedisRecords } from "./redis-records.ts";

/** The settings of Upstash Redis, by the names that Upstash gives them. */
export interface RedisSettings {
  readonly UPSTASH_REDIS_REST_URL?: string;
  readonly UPSTASH_REDIS_REST_TOKEN?: string;
}

export interface RedisStore extends RedisRecords {
  readonly requestRates: RequestRates;
}

const DEADLINE_MS = 5000;
/** Every request waits for its rate. */
const RATES_DEADLINE_MS = 500;

/**
 * What is kept in Upstash Redis: records, idempotency keys and the rates of requests. Undefined where it is not set up.
 *
 * @throws Error where only half of it is set up: guessing would put data where nobody looks for it
 */
export function createRedisStore(
  settings: RedisSettings,
  ports: OutboxPorts,
  limits: Limits,
): RedisStore | undefined {
  const url = settings.UPSTASH_REDIS_REST_URL ?? "";
  const token = settings.UPSTASH_REDIS_REST_TOKEN ?? "";
  if (url === "" && token === "") return undefined;
  if (url === "" || token === "") {
    throw new Error("UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN must be set together.");
  }
  const rates = createRedisClient({ url, token, deadlineMs: RATES_DEADLINE_MS });
  return {
    ...createRedisRecords(createRedisClient({ url, token, deadlineMs: DEADLINE_MS }), ports, limits),
    requestRates: createRedisRequestRates(rates),
  };
}
