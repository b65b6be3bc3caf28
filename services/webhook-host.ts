import { announceDisabledWebhook } from "../core/operations/announce-webhook.ts";
import type { PolicyRules } from "../core/policy.ts";
import { isAllowed } from "../core/policy.ts";
import type { Ports } from "../core/ports.ts";
import type { Settings } from "../core/settings.ts";
import type { WebhookHost } from "../durable-objects/webhook-endpoint.ts";
import { createWebhookSender } from "./webhook-sender.ts";

/** What a webhook endpoint is given from outside of its object: the way to its receiver, the policy, its owner's inbox. */
export function createWebhookHost({
  ports,
  settings,
}: {
  readonly ports: Ports;
  readonly settings: Settings;
}): WebhookHost {
  const { limits } = settings;
  const policy: PolicyRules = {
    anonymousChannels: settings.anonymousChannels,
    orderOwner: (id) => ports.records.orderOwner(id),
  };
  const targets = { allowsPrivate: settings.allowsPrivateWebhooks };
  return {
    limits,
    sender: createWebhookSender({ limits, targets, names: ports.names }),
    mayRead: (owner, channel) => isAllowed(policy, owner, "read", channel),
    tellDisabled: (endpoint, notice) => announceDisabledWebhook(ports.channels, limits, endpoint, notice),
  };
}
