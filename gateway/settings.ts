import { join, resolve } from "node:path";
import type { AmqpSettings } from "./amqp/settings.ts";
import { parseAmqpSettings, parseGlobs } from "./amqp/settings.ts";
import type { GatewayLimits } from "./limits.ts";
import { DEFAULT_LIMITS, LIMIT_NAMES } from "./limits.ts";
import type { MqttBridgeSettings } from "./mqtt-bridge/settings.ts";
import { parseMqttBridgeSettings } from "./mqtt-bridge/settings.ts";

/** What an operator may set, read once from the environment. */
export interface GatewaySettings {
  /** The Worker, without a slash at the end. */
  readonly workerUrl: string;
  readonly host: string;
  /** TCP for HTTP/1.1 and HTTP/2, UDP for HTTP/3; zero takes any free one, here and below. */
  readonly tlsPort: number;
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly udpPort: number;
  /** A certificate and its key in PEM; undefined where one for development is to be made. */
  readonly certificate: { readonly certPath: string; readonly keyPath: string } | undefined;
  /** Where the certificate for development is kept. */
  readonly stateDirectory: string;
  /** The command that runs what needs QUIC; undefined for the one that npm installed. */
  readonly deno: string | undefined;
  /** Origins whose pages may open WebTransport sessions, beside those of loopback addresses; `*` is all. */
  readonly sessionOrigins: readonly string[];
  readonly limits: GatewayLimits;
  /** What the bridges read and publish as; undefined is as anybody. */
  readonly token: string | undefined;
  /** Undefined where there is no broker. */
  readonly amqp: AmqpSettings | undefined;
  /** Undefined where there is no other MQTT broker. */
  readonly mqttBridge: MqttBridgeSettings | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings.
 *
 * @throws Error naming the variable: a setting that cannot be read stops the start rather than being guessed at
 */
export function parseSettings(env: Environment): GatewaySettings {
  return {
    workerUrl: parseUrl(env, "EVERYWIRE_URL", "http://127.0.0.1:8787"),
    host: env.HOST || "127.0.0.1",
    tlsPort: parsePort(env, "TLS_PORT", 8443),
    grpcPort: parsePort(env, "GRPC_PORT", 50_051),
    healthPort: parsePort(env, "GATEWAY_HEALTH_PORT", 7105),
    udpPort: parsePort(env, "UDP_PORT", 7102),
    certificate: parseCertificate(env),
    stateDirectory: resolve(env.EVERYWIRE_STATE || ".everywire"),
    deno: env.DENO || undefined,
    sessionOrigins: parseList(env, "WT_ORIGINS"),
    limits: parseLimits(env),
    token: env.GATEWAY_TOKEN || undefined,
    amqp: parseAmqpSettings(env),
    mqttBridge: parseMqttBridgeSettings(env, parseGlobs),
  };
}

/** Where the certificate for development and its key are kept. */
export function toDevelopmentPaths(stateDirectory: string) {
  return {
    certPath: join(stateDirectory, "gateway-cert.pem"),
    keyPath: join(stateDirectory, "gateway-key.pem"),
  };
}

function parseLimits(env: Environment): GatewayLimits {
  const limits: Record<keyof GatewayLimits, number> = { ...DEFAULT_LIMITS };
  for (const name of LIMIT_NAMES)
    limits[name] = parseWhole(env, name, limits[name], 1, Number.MAX_SAFE_INTEGER);
  return limits;
}

function parsePort(env: Environment, name: string, fallback: number): number {
  return parseWhole(env, name, fallback, 0, 65_535);
}

function parseWhole(env: Environment, name: string, fallback: number, least: number, most: number): number {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new Error(`${name} must be a whole number from ${least} to ${most}, and is '${text}'.`);
  }
  return value;
}

function parseUrl(env: Environment, name: string, fallback: string): string {
  const text = env[name] || fallback;
  if (!/^https?:\/\/[^/?#]+\/?$/.test(text) || !URL.canParse(text)) {
    throw new Error(`${name} must be an http(s) URL without a path, and is '${text}'.`);
  }
  return text.endsWith("/") ? text.slice(0, -1) : text;
}

function parseCertificate(env: Environment): GatewaySettings["certificate"] {
  const { TLS_CERT: certPath, TLS_KEY: keyPath } = env;
  if (!certPath && !keyPath) return undefined;
  if (!certPath || !keyPath)
    throw new Error("TLS_CERT and TLS_KEY go together: both are paths of PEM files.");
  return { certPath, keyPath };
}

function parseList(env: Environment, name: string): readonly string[] {
  return (env[name] ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
