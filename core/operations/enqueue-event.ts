import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import type { NewEvent } from "../event.ts";
import { isEphemeralType } from "../event.ts";
import { toRateKey } from "../identity.ts";
import { assertAllowed } from "../policy.ts";
import type { DeliveryOptions, Enqueued } from "../queue.ts";
import { toEncodedEvent } from "./publish-event.ts";

export interface EnqueueOptions extends DeliveryOptions {
  /** Pushes the event to this URL instead of into the channel. */
  readonly url?: string | undefined;
}

export interface EnqueueResult extends Enqueued {
  /** The event's. */
  readonly id: string;
}

/**
 * Publishes an event by way of the queue: later, or again until it arrives. It may be enqueued by whoever may publish it
 * to the channel, and counts against that rate; what is delivered afterwards is not asked again.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`, `payload_too_large`, `rate_limited`, `unavailable`;
 *   `invalid_argument` for an event that is never stored, and for what the queue refuses
 */
export async function enqueueEvent(
  context: OperationContext,
  channel: ChannelName,
  event: NewEvent,
  options: EnqueueOptions,
): Promise<EnqueueResult> {
  await assertAllowed(context.policy, context.identity, "write", channel);
  if (isEphemeralType(event.type)) {
    throw new EverywireError(
      "invalid_argument",
      `'${event.type}' is for who listens now, and is not queued: publish it.`,
    );
  }
  const { url, deduplicationId, ...delivery } = options;
  const { json } = toEncodedEvent(event, channel, context.limits);
  const rateKey = toRateKey(context.identity);
  if (context.hasRateLimits) await context.ports.channels.takeRate(channel, rateKey, 1);
  const enqueued = await context.ports.queue.enqueue({
    target: url === undefined ? { kind: "channel", channel } : { kind: "url", channel, url },
    json,
    options: {
      ...delivery,
      // One queue serves everybody: who chooses the id of somebody else must not swallow their messages.
      deduplicationId:
        deduplicationId === undefined ? undefined : [channel, event.source, deduplicationId].join("\n"),
    },
  });
  return { ...enqueued, id: event.id };
}
