import type { WebhookSources } from "../core/ports.ts";
import { parseWebhookSources } from "../core/webhook-schemes/sources.ts";

/**
 * The senders that the environment sets up. The secrets are read once, and stay in the keys that check signatures.
 *
 * @throws Error where a variable cannot be read
 */
export function createWebhookSources(env: Readonly<Record<string, unknown>>): WebhookSources {
  const sources = parseWebhookSources(env);
  return { find: (name) => sources.get(name) };
}
