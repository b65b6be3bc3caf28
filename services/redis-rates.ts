import { EverywireError } from "../core/error.ts";
import type { RequestRates } from "../core/ports.ts";
import { Buckets, RequestsExceeded } from "../core/rate.ts";
import type { RedisClient } from "./redis-client.ts";
import { toList } from "./redis-client.ts";

/**
 * `takeTokens` of core/rate.ts with a cost of one, where all isolates share the bucket. ARGV: key, tokens a second, now.
 * Gives 1 or 0, and the milliseconds until there is a token. Time is the caller's, as Upstash asks of scripts; it never
 * goes back for a bucket, so a clock that is late gains nothing, and one that is ahead no more than its lead.
 * The bucket ends by itself: after a second it would be full anyway.
 */
const TAKE_SCRIPT = `
local key = KEYS[1] .. ':rate:' .. ARGV[1]
local rate, now = tonumber(ARGV[2]), tonumber(ARGV[3])
local row = redis.call('HMGET', key, 'tokens', 'ms')
local tokens, ms = tonumber(row[1] or rate), tonumber(row[2] or now)
if now > ms then
  tokens = math.min(rate, tokens + (now - ms) * rate / 1000)
  ms = now
end
local isAllowed = tokens >= 1
if isAllowed then tokens = tokens - 1 end
redis.call('HSET', key, 'tokens', string.format('%.6f', tokens), 'ms', string.format('%.0f', ms))
redis.call('PEXPIRE', key, 2000)
if isAllowed then return {1, 0} end
return {0, math.ceil((1 - tokens) * 1000 / rate)}
`;

/** Identities that are known to be over their rate; the oldest is forgotten first. */
const MAX_REFUSED = 10_000;
const LOG_EVERY_MS = 10_000;

/**
 * Requests per second and identity, counted in Redis: exact over a network of isolates, for one round trip a request.
 * Who is over the rate in this isolate alone, or was told so a moment ago, is refused without one, so that a flood costs
 * no commands.
 *
 * Where Redis does not answer in time, requests pass, held to the rate of this isolate: a limit that fails closed would
 * turn the outage of a counter into one of everything.
 *
 * @param redis a client with a short deadline, since every request waits for it
 */
export function createRedisRequestRates(redis: RedisClient): RequestRates {
  const take = redis.script(TAKE_SCRIPT);
  const local = new Buckets();
  const refusedUntil = new Map<string, number>();
  let loggedMs = 0;

  const ask = async (key: string, perSecond: number, nowMs: number): Promise<void> => {
    const answer = await take(key, String(perSecond), String(nowMs)).then(toList, (thrown) => {
      if (nowMs - loggedMs >= LOG_EVERY_MS) {
        loggedMs = nowMs;
        console.error(
          "rates: Redis does not answer, requests are counted in each isolate",
          EverywireError.from(thrown).message,
        );
      }
      return undefined;
    });
    if (answer === undefined || answer[0] === 1) return;
    const retryAfterMs = Math.max(1, Number(answer[1]));
    refusedUntil.delete(key);
    refusedUntil.set(key, nowMs + retryAfterMs);
    if (refusedUntil.size > MAX_REFUSED) {
      const oldest = refusedUntil.keys().next();
      if (!oldest.done) refusedUntil.delete(oldest.value);
    }
    throw new RequestsExceeded(perSecond, retryAfterMs);
  };

  return {
    take(key, perSecond, nowMs) {
      const untilMs = refusedUntil.get(key);
      if (untilMs !== undefined) {
        if (nowMs < untilMs) throw new RequestsExceeded(perSecond, untilMs - nowMs);
        refusedUntil.delete(key);
      }
      const { isAllowed, retryAfterMs } = local.take(key, perSecond, 1, nowMs);
      if (!isAllowed) throw new RequestsExceeded(perSecond, retryAfterMs);
      return ask(key, perSecond, nowMs);
    },
  };
}
