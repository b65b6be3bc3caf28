import { Redis } from "@upstash/redis/cloudflare";
import { EverywireError } from "../core/error.ts";

/** Where the database is (Upstash calls them by the same names), and how long one command may take. */
export interface RedisConfig {
  readonly url: string;
  readonly token: string;
  readonly deadlineMs: number;
}

/** What a command answers: texts, whole numbers, nothing, and lists of them. */
export type Reply = string | number | null | readonly Reply[];

export interface RedisClient {
  /** @throws EverywireError `unavailable` where the database does not answer, or refuses */
  command(...words: readonly string[]): Promise<Reply>;
  /**
   * Makes a script callable: by its hash, and by its text where the database does not know it yet. Its `KEYS[1]` is
   * {@link KEY_PREFIX}. One command, one round trip, atomic.
   */
  script(text: string): (...args: readonly string[]) => Promise<Reply>;
}

/** In braces, so that all our keys are in one slot of a cluster, and under one lock of Upstash. */
export const KEY_PREFIX = "{everywire}";

/**
 * The database, over Upstash's REST API.
 *
 * Nothing is tried twice by itself: a write whose answer was lost may have been done, and who asked is the one to know
 * whether to ask again. Commands are not collected into pipelines, because one request would then carry what another
 * waits for, and a Worker may not wait for another request's answer.
 */
export function createRedisClient({ url, token, deadlineMs }: RedisConfig): RedisClient {
  const redis = new Redis({
    url,
    token,
    retry: { retries: 0 },
    signal: () => AbortSignal.timeout(deadlineMs),
    enableAutoPipelining: false,
    enableTelemetry: false,
    automaticDeserialization: false,
    // Everything that we keep is text; in base64 it would be a third longer, and not every bridge knows it.
    responseEncoding: false,
  });
  return {
    command: (...words) => translated(redis.exec<Reply>(words as [string, ...string[]])),
    script(text) {
      const script = redis.createScript<Reply>(text);
      return (...args) => translated(script.exec([KEY_PREFIX], [...args]));
    },
  };
}

/** @throws EverywireError; the reason is for the log, and without the command, which holds what people wrote */
async function translated(answer: Promise<Reply>): Promise<Reply> {
  try {
    return await answer;
  } catch (thrown) {
    const text = (thrown instanceof Error ? thrown.message : String(thrown)).split(", command was:")[0] ?? "";
    const reason = text.slice(0, 300);
    // A fault of ours, and not one that goes away.
    if (/user_script|Error (running|compiling) script/i.test(reason)) throw new Error(`redis: ${reason}`);
    console.error(`redis: ${reason}`);
    throw new EverywireError("unavailable", "The store does not answer; try again.", { retryAfterMs: 1000 });
  }
}

/** A list that a script gave; anything else is a fault of ours. */
export function toList(reply: Reply | undefined): readonly Reply[] {
  if (Array.isArray(reply)) return reply as readonly Reply[];
  throw new Error("redis: a list was expected.");
}

export function toText(reply: Reply | undefined): string {
  if (typeof reply === "string") return reply;
  if (typeof reply === "number") return String(reply);
  throw new Error("redis: a text was expected.");
}
