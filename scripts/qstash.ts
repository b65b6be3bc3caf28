import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";

/** The credentials of QStash, under the names that its own SDK reads from the environment. */
export interface QstashSettings {
  readonly QSTASH_URL: string;
  readonly QSTASH_TOKEN: string;
  readonly QSTASH_CURRENT_SIGNING_KEY: string;
  readonly QSTASH_NEXT_SIGNING_KEY: string;
}

/**
 * Where the stand-in finds the Worker: a name that only it knows, and that reaches the Worker within the runtime. So
 * messages that wait find it again when it was started anew on another port.
 */
export const WORKER_ALIAS = "http://everywire.localhost";

/** See local/qstash/README.md. */
export const STAND_IN_NAMES = [
  "QSTASH_BACKOFF_SCALE",
  "QSTASH_BACKOFF_EXPONENT",
  "QSTASH_CRON_SECONDS",
] as const;

/** Where the Worker's own QStash is; the stand-in is not started where this is set. */
export function hasOwnQstash(environment: NodeJS.ProcessEnv): boolean {
  return Boolean(environment.QSTASH_URL);
}

/**
 * The credentials of the stand-in, made once and kept in the state directory in `qstash.env`, from where other programs
 * can take them (`node --env-file=.everywire/qstash.env`). Those that the environment sets come first.
 */
export function standInSettings(
  environment: NodeJS.ProcessEnv,
  stateDirectory: string,
  url: string,
): QstashSettings {
  const path = join(stateDirectory, "qstash.env");
  const kept = readKept(path);
  const pick = (name: Exclude<keyof QstashSettings, "QSTASH_URL">, make: () => string) =>
    environment[name] || kept[name] || make();
  const settings = {
    QSTASH_URL: url,
    QSTASH_TOKEN: pick("QSTASH_TOKEN", () => randomBytes(32).toString("base64url")),
    QSTASH_CURRENT_SIGNING_KEY: pick("QSTASH_CURRENT_SIGNING_KEY", newSigningKey),
    QSTASH_NEXT_SIGNING_KEY: pick("QSTASH_NEXT_SIGNING_KEY", newSigningKey),
  };
  const text = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  mkdirSync(stateDirectory, { recursive: true });
  writeFileSync(path, text.join(""), { mode: 0o600 });
  chmodSync(path, 0o600);
  return settings;
}

/** What the stand-in alone is told: settings that QStash itself does not have. */
export function standInOptions(environment: NodeJS.ProcessEnv): Record<string, string> {
  const options: Record<string, string> = {};
  for (const name of STAND_IN_NAMES) {
    const value = environment[name];
    if (value) options[name] = value;
  }
  return options;
}

function newSigningKey(): string {
  return `sig_${randomBytes(24).toString("base64url")}`;
}

function readKept(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch {
    return {};
  }
}
