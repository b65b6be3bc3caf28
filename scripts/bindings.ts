import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LIMIT_NAMES } from "../core/limits.ts";
import { parseSettings } from "../core/settings.ts";
import { parseWebhookSources } from "../core/webhook-schemes/sources.ts";
import { StartError } from "./start-error.ts";

/** What the Worker takes from the environment, beside the named limits. */
export const SETTING_NAMES = [
  "RATE_LIMITS",
  "DEV_AUTH",
  "ANONYMOUS_CHANNELS",
  "ALLOW_PRIVATE_WEBHOOKS",
  "CORS_ORIGINS",
  "JWT_SECRET",
  "JWKS_URL",
  "PUBLIC_URL",
  "DNS_RESOLVER_URL",
  "GATEWAY_HEALTH_URL",
  "QSTASH_URL",
  "QSTASH_TOKEN",
  "QSTASH_CURRENT_SIGNING_KEY",
  "QSTASH_NEXT_SIGNING_KEY",
  "WEBHOOK_SOURCES",
  "GITHUB_WEBHOOK_SECRET",
  "STRIPE_WEBHOOK_SECRET",
  "STANDARD_WEBHOOK_SECRET",
  "SVIX_TOKEN",
  "SVIX_SERVER_URL",
  "UPSTASH_REDIS_REST_URL",
  "UPSTASH_REDIS_REST_TOKEN",
  "FEED_STREAMS",
  "REDIS_POLL_MS",
] as const;

/** What a local run sets that a deploy does not (CONTRACT §6). `DEV_AUTH` is not here: it is off unless set. */
const LOCAL_DEFAULTS = {
  ANONYMOUS_CHANNELS: "demo/**",
  // What takes hours in production is seen in seconds here.
  WEBHOOK_FIRST_RETRY_MS: "20",
  WEBHOOK_RETRY_GROWTH_PERCENT: "150",
  WEBHOOK_MAX_RETRY_MS: "250",
  WEBHOOK_MAX_ATTEMPTS: "40",
  WEBHOOK_UNREACHABLE_SECONDS: "60",
  WEBHOOK_DISABLE_AFTER: "3",
};

/**
 * The Worker's settings for a local run: what the environment sets of the known names, and nothing else of it.
 *
 * @example toBindings({ DEV_AUTH: "true", HOME: "/root" }, ".everywire")
 */
export function toBindings(environment: NodeJS.ProcessEnv, stateDirectory: string): Record<string, string> {
  const bindings: Record<string, string> = { ...LOCAL_DEFAULTS, ...toSettings(environment) };
  if (!bindings.JWT_SECRET && !bindings.JWKS_URL) bindings.JWT_SECRET = readOrCreateSecret(stateDirectory);
  return bindings;
}

/** What the environment sets of the Worker's settings and limits. */
export function toSettings(environment: NodeJS.ProcessEnv): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const name of [...LIMIT_NAMES, ...SETTING_NAMES]) {
    const value = environment[name];
    // Set but empty stands: `ANONYMOUS_CHANNELS= npm start` closes what is open by default.
    if (value !== undefined) settings[name] = value;
  }
  return settings;
}

/**
 * Reads the settings as the Worker will: it would only fail at its first request.
 *
 * @throws StartError naming the variable
 */
export function assertSettings(bindings: Readonly<Record<string, string>>): void {
  try {
    parseSettings(bindings);
    parseWebhookSources(bindings);
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error));
  }
}

/** Kept, so that tokens outlive a restart; made here, so that no two machines share one. */
export function readOrCreateSecret(stateDirectory: string): string {
  const path = join(stateDirectory, "jwt-secret");
  mkdirSync(stateDirectory, { recursive: true });
  try {
    const secret = randomBytes(32).toString("base64url");
    writeFileSync(path, `${secret}\n`, { mode: 0o600, flag: "wx" });
    return secret;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    return readFileSync(path, "utf8").trim();
  }
}
