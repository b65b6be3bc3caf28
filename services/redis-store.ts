import type { Limits } from "../core/limits.ts";
import type { Channels, Directory, RequestRates } from "../core/ports.ts";
import type { RedisChannelsOptions } from "./redis-channels.ts";
import { createRedisChannels, createRedisDirectory } from "./redis-channels.ts";
import type { RedisClient, RedisConfig } from "./redis-client.ts";
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

/** Everything that an edge without Durable Objects keeps, in Redis. */
export interface RedisEdge extends RedisStore {
  readonly channels: Channels;
  readonly directory: Directory;
}

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
  const place = findPlace(settings);
  return place && createStore(place, createClient(place), ports, limits);
}

/** The same where channels are in Redis too. @throws Error where it is not set up */
export function createRedisEdge(
  env: RedisSettings,
  { settings, sockets, queue, waitUntil }: Pick<OutboxPorts, "queue"> & RedisChannelsOptions,
): RedisEdge {
  const place = findPlace(env);
  if (place === undefined) {
    throw new Error("Set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN: everything is kept there.");
  }
  const redis = createClient(place);
  const channels = createRedisChannels(redis, { settings, sockets, waitUntil });
  return {
    ...createStore(place, redis, { channels, queue, waitUntil }, settings.limits),
    channels,
    directory: createRedisDirectory(redis),
  };
}

type Place = Pick<RedisConfig, "url" | "token">;

function findPlace(settings: RedisSettings): Place | undefined {
  const url = settings.UPSTASH_REDIS_REST_URL ?? "";
  const token = settings.UPSTASH_REDIS_REST_TOKEN ?? "";
  if (url === "" && token === "") return undefined;
  if (url === "" || token === "") {
    throw new Error("UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN must be set together.");
  }
  return { url, token };
}

function createClient(place: Place): RedisClient {
  return createRedisClient({ ...place, deadlineMs: DEADLINE_MS });
}

function createStore(place: Place, redis: RedisClient, ports: OutboxPorts, limits: Limits): RedisStore {
  const rates = createRedisClient({ ...place, deadlineMs: RATES_DEADLINE_MS });
  return { ...createRedisRecords(redis, ports, limits), requestRates: createRedisRequestRates(rates) };
}
