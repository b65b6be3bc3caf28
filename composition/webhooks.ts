import { createWebhookEndpointClass } from "../durable-objects/webhook-endpoint.ts";
import { createNames } from "../services/names.ts";
import { createSvix, createSvixSender, createSvixWebhooks } from "../services/svix.ts";
import { createWebhookHost } from "../services/webhook-host.ts";
import { createWebhookSender } from "../services/webhook-sender.ts";
import { createWebhookSources } from "../services/webhook-sources.ts";
import { createWebhooks } from "../services/webhooks.ts";
import type { Environment } from "./environment.ts";
import type { Compose, Foundation, Part } from "./part.ts";

export { WebhookIndex } from "../durable-objects/webhook-index.ts";

/** Webhooks out, by our own delivery or through Svix, and the senders that webhooks are taken in from. */
export const webhooks: Part = ({ env, settings }) => {
  const { limits } = settings;
  const names = createNames(settings.dnsResolverUrl);
  const targets = { allowsPrivate: settings.allowsPrivateWebhooks };
  const endpoints = createWebhooks(env.WEBHOOK_ENDPOINT, env.WEBHOOK_INDEX);
  const svix = openSvix(env, settings);
  return {
    ports: {
      names,
      webhookSources: createWebhookSources(env as unknown as Record<string, unknown>),
      webhooks: svix === undefined ? endpoints : createSvixWebhooks(endpoints, svix),
    },
    webhookSender:
      svix === undefined ? createWebhookSender({ limits, targets, names }) : createSvixSender(svix),
  };
};

function openSvix(env: Environment, { limits }: Foundation["settings"]) {
  if (!env.SVIX_TOKEN) return undefined;
  return createSvix({
    token: env.SVIX_TOKEN,
    serverUrl: env.SVIX_SERVER_URL,
    timeoutMs: limits.WEBHOOK_TIMEOUT_SECONDS * 1000,
  });
}

/** A webhook endpoint: the object that keeps its place, and what sends, decides and tells for it. */
export function createWebhookEndpoint(compose: Compose) {
  return createWebhookEndpointClass<Environment>((env) => {
    const { edge, webhookSender } = compose(env);
    if (webhookSender === undefined) throw new Error("A Worker with webhook endpoints has the part of them.");
    return createWebhookHost(edge, webhookSender);
  });
}
