import { announceDisabledWebhook } from "../core/operations/announce-webhook.ts";
import type { PolicyRules } from "../core/policy.ts";
import { isAllowed } from "../core/policy.ts";
import type { Ports } from "../core/ports.ts";
import type { Settings } from "../core/settings.ts";
import type { WebhookSender } from "../core/webhook-sender.ts";
import type { WebhookHost } from "../durable-objects/webhook-endpoint.ts";

/** What a webhook endpoint is given from outside of its object: the way to its receiver, the policy, its owner's inbox. */
export function createWebhookHost(
  { ports, settings }: { readonly ports: Ports; readonly settings: Settings },
  sender: WebhookSender,
): WebhookHost {
  const { limits } = settings;
  const policy: PolicyRules = {
    anonymousChannels: settings.anonymousChannels,
    orderOwner: (id) => ports.records.orderOwner(id),
  };
  return {
    limits,
    sender,
    mayRead: async (owner, channel) => isAllowed(policy, owner, "read", channel),
    tellDisabled: (endpoint, notice) => announceDisabledWebhook(ports.channels, limits, endpoint, notice),
  };
}
