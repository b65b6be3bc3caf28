import { Glob } from "../mirror/glob.ts";

/** How the AMQP bridge is set up. */
export interface AmqpSettings {
  readonly url: string;
  /** The channels whose events go out. */
  readonly channels: readonly Glob[];
  /** How events go out (CloudEvents AMQP binding §1.3): attributes as headers, or the whole event as the body. */
  readonly contentMode: ContentMode;
  /** What the names of exchanges and queues begin with. */
  readonly prefix: string;
  /** How long a message waits after each attempt that failed; the last one counts for all that follow. */
  readonly retriesMs: readonly number[];
  /** Messages that are taken at a time. */
  readonly prefetch: number;
}

export type ContentMode = "binary" | "structured";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @returns undefined where there is no broker
 * @throws Error naming the variable
 */
export function parseAmqpSettings(env: Environment): AmqpSettings | undefined {
  const { AMQP_URL: url, AMQP_CHANNELS: channels, AMQP_PREFIX: prefix } = env;
  if (!url) return undefined;
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new Error("AMQP_URL must be an amqp: or amqps: URL.");
  }
  if (prefix && !/^[A-Za-z0-9._-]{1,100}$/.test(prefix)) throw new Error("AMQP_PREFIX must be a word.");
  return {
    url,
    channels: parseGlobs(channels || "**"),
    contentMode: parseContentMode(env.AMQP_CONTENT_MODE || "binary"),
    prefix: prefix || "everywire",
    retriesMs: (env.AMQP_RETRIES_MS || "1000,5000,30000").split(",").map((text) => {
      const delayMs = Number(text);
      if (Number.isSafeInteger(delayMs) && delayMs > 0) return delayMs;
      throw new Error("AMQP_RETRIES_MS must be milliseconds, with commas between them.");
    }),
    prefetch: parsePrefetch(env.AMQP_PREFETCH || "50"),
  };
}

/** Patterns with commas between them. */
export function parseGlobs(text: string): readonly Glob[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) => new Glob(item));
}

function parseContentMode(text: string): ContentMode {
  if (text === "binary" || text === "structured") return text;
  throw new Error("AMQP_CONTENT_MODE must be 'binary' or 'structured'.");
}

function parsePrefetch(text: string): number {
  const prefetch = Number(text);
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= 65_535) return prefetch;
  throw new Error("AMQP_PREFETCH must be a whole number from 1 to 65535.");
}
