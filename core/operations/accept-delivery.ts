import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import { parseCloudEvent } from "../event.ts";
import type { Receipt } from "../ports.ts";
import type { SignedDelivery } from "../queue.ts";
import { advanceOrder } from "./advance-order.ts";
import { toEncodedEvent } from "./publish-event.ts";

/**
 * Stores an event that the queue delivers. Whether it may be published was asked when it was enqueued; here the queue's
 * signature stands for that, so nothing is done before it was checked. The event has its own id and source, so that a
 * delivery which comes again is a duplicate.
 *
 * @throws EverywireError `unauthenticated` where the queue did not sign this; `invalid_argument` where it is no event
 */
export async function acceptEvent(
  context: OperationContext,
  channel: ChannelName,
  delivery: SignedDelivery,
): Promise<Receipt> {
  await context.ports.queue.verify(delivery);
  const event = parseCloudEvent(withoutOwnSubject(parseBody(delivery.body), channel), {
    source: "/queue",
    nowMs: context.nowMs,
  });
  const encoded = toEncodedEvent(event, channel, context.limits);
  const [receipt] = await context.ports.channels.append(channel, { events: [encoded], rateKey: undefined });
  if (receipt === undefined) throw new Error("The log gave no receipt.");
  return receipt;
}

/**
 * Does a job that the queue delivers.
 *
 * @throws EverywireError `unauthenticated` where the queue did not sign this; `not_found` for a job that nobody knows
 */
export async function runJob(
  context: OperationContext,
  name: string,
  delivery: SignedDelivery,
): Promise<void> {
  const { ports, limits, nowMs } = context;
  await ports.queue.verify(delivery);
  const body = parseBody(delivery.body);
  switch (name) {
    case "advance-order":
      return advanceOrder({ records: ports.records, limits, nowMs }, body);
    default:
      throw new EverywireError("not_found", "There is no such job.");
  }
}

function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new EverywireError("invalid_argument", "The body is not JSON.");
  }
}

/** The log writes the subject itself; what a publisher gave as one is kept under another name already. */
function withoutOwnSubject(value: unknown, channel: ChannelName): unknown {
  if (typeof value !== "object" || value === null || !("subject" in value)) return value;
  const { subject, ...rest } = value;
  return subject === channel ? rest : value;
}
