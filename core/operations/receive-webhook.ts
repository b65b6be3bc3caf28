import { parseChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import { parseCloudEvent } from "../event.ts";
import type { WebhookDelivery } from "../webhook-schemes/scheme.ts";
import { toEncodedEvent } from "./publish-event.ts";

/** What a sender is told; one that repeats itself is told of the first time. */
export interface WebhookReceipt {
  readonly id: string;
  readonly sequence: string;
  readonly duplicate: boolean;
}

/**
 * Takes a delivery of another system's webhook into `webhooks/{source}`, durable when this resolves. Who may do so is
 * who can sign for the source: a caller's identity says nothing here.
 *
 * Its publish rate is the source's own, so that no caller can use it up but one that can sign.
 *
 * @throws EverywireError `not_found` where no such source is set up, `unauthenticated` for a signature that is missing or
 *   wrong or too old, `invalid_argument` for a delivery that does not say what it is, `payload_too_large`, `rate_limited`
 */
export async function receiveWebhook(
  context: OperationContext,
  source: string,
  delivery: WebhookDelivery,
): Promise<WebhookReceipt> {
  const scheme = context.ports.webhookSources.find(source);
  if (scheme === undefined) throw new EverywireError("not_found", "No such source is set up.");
  await scheme.verify(delivery, context.nowMs);
  const { id, type, content } = await scheme.read(delivery);

  const channel = parseChannelName(`webhooks/${source}`);
  const attributes = { specversion: "1.0", id, source: `/webhooks/in/${source}`, type, ...content };
  const event = parseCloudEvent(attributes, { source: attributes.source, nowMs: context.nowMs });
  const [receipt] = await context.ports.channels.append(channel, {
    events: [toEncodedEvent(event, channel, context.limits)],
    rateKey: context.hasRateLimits ? `webhook:${source}` : undefined,
  });
  if (receipt === undefined) throw new Error("The log gave no receipt.");
  return { id, ...receipt };
}

/** @throws EverywireError `not_found` where no such source is set up: for a door that would read a body for nothing */
export function assertWebhookSource(context: OperationContext, source: string): void {
  if (context.ports.webhookSources.find(source) === undefined) {
    throw new EverywireError("not_found", "No such source is set up.");
  }
}
