import type { ChannelGlob } from "./channel-name.ts";
import { parseChannelGlob } from "./channel-name.ts";
import type { Limits } from "./limits.ts";
import { DEFAULT_LIMITS, LIMIT_NAMES } from "./limits.ts";

export type TcpPortName = "TCP_PORT" | "MQTT_PORT";

/** What an operator may set, read once from the environment. Secrets are not here: their service reads them. */
export interface Settings {
  readonly limits: Limits;
  readonly hasRateLimits: boolean;
  /** Channels that anybody may read and write; empty unless set (CONTRACT §6). */
  readonly anonymousChannels: readonly ChannelGlob[];
  /** Whether `POST /auth/token` gives tokens to whoever asks. */
  readonly hasDevAuth: boolean;
  /** Origins that may send credentials; every other origin may call without them. */
  readonly corsOrigins: readonly string[];
  /** Where a TCP listener was opened for each door that takes one; undefined where there is none. */
  readonly tcpPorts: Readonly<Record<TcpPortName, number | undefined>>;
  /** Where the outside reaches this Worker, without a slash at the end: where QStash delivers to. */
  readonly publicUrl: string | undefined;
  /** Whether webhooks may be sent to private and loopback addresses. */
  readonly allowsPrivateWebhooks: boolean;
  /** Where names are looked up (RFC 8484, in JSON) before a URL of somebody's is called; undefined where it is off. */
  readonly dnsResolverUrl: string | undefined;
  /** Where the gateway says what it offers, without a slash at the end; undefined where there is none. */
  readonly gatewayHealthUrl: string | undefined;
  /** Whether channels write to readers of SSE and NDJSON themselves, and stay in memory for as long as there are any. */
  readonly holdsFeedStreams: boolean;
  /** Where channels are in Redis: how long, in milliseconds, until what another process has written is looked for. */
  readonly redisPollMs: number;
}

const DEFAULT_REDIS_POLL_MS = 250;
const DEFAULT_DNS_RESOLVER_URL = "https://cloudflare-dns.com/dns-query";

/**
 * Reads the settings.
 *
 * @throws Error naming the variable: a setting that cannot be read stops the start rather than being guessed at
 */
export function parseSettings(env: Readonly<Record<string, unknown>>): Settings {
  return {
    limits: parseLimits(env),
    hasRateLimits: parseSwitch(env, "RATE_LIMITS", true),
    anonymousChannels: parseList(env, "ANONYMOUS_CHANNELS").map(parseChannelGlob),
    hasDevAuth: parseSwitch(env, "DEV_AUTH", false),
    corsOrigins: parseList(env, "CORS_ORIGINS"),
    tcpPorts: { TCP_PORT: parsePort(env, "TCP_PORT"), MQTT_PORT: parsePort(env, "MQTT_PORT") },
    publicUrl: parseUrl(env, "PUBLIC_URL"),
    allowsPrivateWebhooks: parseSwitch(env, "ALLOW_PRIVATE_WEBHOOKS", false),
    dnsResolverUrl: parseResolver(env, "DNS_RESOLVER_URL"),
    gatewayHealthUrl: parseUrl(env, "GATEWAY_HEALTH_URL"),
    holdsFeedStreams: parseFeedStreams(env, "FEED_STREAMS"),
    redisPollMs: parseCount(env, "REDIS_POLL_MS", DEFAULT_REDIS_POLL_MS),
  };
}

/** What is set. An empty text is as none; where the environment has no such variable, `workerd serve` gives null. */
function read(env: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = env[name];
  return value === null || value === "" ? undefined : value;
}

function parseLimits(env: Readonly<Record<string, unknown>>): Limits {
  const limits: Record<keyof Limits, number> = { ...DEFAULT_LIMITS };
  for (const name of LIMIT_NAMES) limits[name] = parseCount(env, name, DEFAULT_LIMITS[name]);
  return limits;
}

function parseCount(env: Readonly<Record<string, unknown>>, name: string, fallback: number): number {
  const text = read(env, name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`${name} must be a whole number of at least 1.`);
  return value;
}

function parseSwitch(env: Readonly<Record<string, unknown>>, name: string, fallback: boolean): boolean {
  const text = read(env, name);
  if (text === undefined) return fallback;
  if (text === "true" || text === "on" || text === "1") return true;
  if (text === "false" || text === "off" || text === "0") return false;
  throw new Error(`${name} must be 'on' or 'off'.`);
}

function parseFeedStreams(env: Readonly<Record<string, unknown>>, name: string): boolean {
  const text = read(env, name);
  if (text === undefined || text === "held") return true;
  if (text === "hibernating") return false;
  throw new Error(`${name} must be 'held' or 'hibernating'.`);
}

function parsePort(env: Readonly<Record<string, unknown>>, name: TcpPortName): number | undefined {
  const text = read(env, name);
  if (text === undefined) return undefined;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`${name} must be a port.`);
  return port;
}

function parseUrl(env: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const text = read(env, name);
  if (text === undefined) return undefined;
  if (typeof text !== "string" || !/^https?:\/\/[^/?#]+\/?$/.test(text) || !URL.canParse(text)) {
    throw new Error(`${name} must be an http(s) URL without a path.`);
  }
  return text.endsWith("/") ? text.slice(0, -1) : text;
}

function parseResolver(env: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const text = env[name] ?? DEFAULT_DNS_RESOLVER_URL;
  if (text === "off" || text === "") return undefined;
  if (typeof text === "string" && /^https?:/.test(text) && URL.canParse(text)) return text;
  throw new Error(`${name} must be an http(s) URL, or 'off'.`);
}

function parseList(env: Readonly<Record<string, unknown>>, name: string): string[] {
  const text = read(env, name);
  if (text === undefined) return [];
  if (typeof text !== "string") throw new Error(`${name} must be a list separated by commas.`);
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
