import type { ChannelName } from "../channel-name.ts";
import { parseChannelName } from "../channel-name.ts";
import { EverywireError } from "../error.ts";
import type { NewEvent } from "../event.ts";
import type { Limits } from "../limits.ts";
import type { Channels } from "../ports.ts";
import type { WebhookEndpoint } from "../webhooks.ts";
import { toEncodedEvent } from "./publish-event.ts";

/**
 * Tells the owner of an endpoint that it was disabled, and why: `webhook.disabled` with `{endpointId, url, reason}` on
 * `users/{owner}/inbox`. Told twice of the same, the log keeps it once. An owner whose id is no part of a channel's name has no
 * inbox, and finds the reason at the endpoint.
 */
export async function announceDisabledWebhook(
  channels: Channels,
  limits: Limits,
  endpoint: WebhookEndpoint,
  notice: { readonly reason: string; readonly atMs: number },
): Promise<void> {
  const channel = inboxOf(endpoint.owner);
  if (channel === undefined) return;
  const event: NewEvent = {
    id: `${endpoint.id}-${notice.atMs}`,
    source: `/webhooks/endpoints/${endpoint.id}`,
    type: "webhook.disabled",
    time: new Date(notice.atMs).toISOString(),
    datacontenttype: "application/json",
    data: { endpointId: endpoint.id, url: endpoint.url, reason: notice.reason },
    extensions: {},
    hasOwnId: true,
  };
  await channels.append(channel, { events: [toEncodedEvent(event, channel, limits)], rateKey: undefined });
}

function inboxOf(owner: string): ChannelName | undefined {
  try {
    return parseChannelName(`users/${owner}/inbox`);
  } catch (thrown) {
    if (thrown instanceof EverywireError) return undefined;
    throw thrown;
  }
}
