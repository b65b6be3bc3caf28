import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { EverywireError } from "../error.ts";
import type { NewEvent } from "../event.ts";
import { encodeEvent, isEphemeralType } from "../event.ts";
import { toRateKey } from "../identity.ts";
import type { Limits } from "../limits.ts";
import { assertAllowed } from "../policy.ts";
import type { AppendLine, AppendRequest, EncodedEvent, ProducerStamp, Receipt } from "../ports.ts";

/** What a publisher is told. An ephemeral event has no `sequence`, since it has no place in the log. */
export interface PublishResult {
  readonly id: string;
  readonly sequence?: string;
  readonly duplicate: boolean;
}

/**
 * Publishes events to a channel: all of them or none, in the order given, durable when this resolves.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`, `payload_too_large`, `rate_limited`
 */
export async function publishEvents(
  context: OperationContext,
  channel: ChannelName,
  events: readonly NewEvent[],
  producer?: ProducerStamp,
): Promise<readonly PublishResult[]> {
  return publishBy(context, channel, events, producer, (request) =>
    context.ports.channels.append(channel, request),
  );
}

/** {@link publishEvents} over a line to the channel that is open already. */
export async function publishOnLine(
  context: OperationContext,
  channel: ChannelName,
  line: AppendLine,
  events: readonly NewEvent[],
): Promise<readonly PublishResult[]> {
  return publishBy(context, channel, events, undefined, (request) => line.append(request));
}

async function publishBy(
  context: OperationContext,
  channel: ChannelName,
  events: readonly NewEvent[],
  producer: ProducerStamp | undefined,
  append: (request: AppendRequest) => Promise<readonly Receipt[]>,
): Promise<readonly PublishResult[]> {
  const allowed = assertAllowed(context.policy, context.identity, "write", channel);
  if (allowed !== undefined) await allowed;
  assertBatchSize(events.length, context.limits);
  const encoded = events.map((event) => toEncodedEvent(event, channel, context.limits));
  assertBatchBytes(encoded, context.limits);
  const rateKey = context.hasRateLimits ? toRateKey(context.identity) : undefined;

  const hasEphemeral = encoded.some(({ type }) => isEphemeralType(type));
  const stored = hasEphemeral ? encoded.filter(({ type }) => !isEphemeralType(type)) : encoded;
  // First what is not stored: were the rate to refuse it afterwards, the rest would be stored and not acknowledged.
  if (hasEphemeral) {
    const ephemeral = encoded.filter((event) => isEphemeralType(event.type));
    await context.ports.channels.broadcast(channel, ephemeral, rateKey);
  }
  const receipts = stored.length === 0 ? [] : await append({ events: stored, rateKey, producer });
  let index = 0;
  return events.map((event) => {
    if (isEphemeralType(event.type)) return { id: event.id, duplicate: false };
    const receipt = receipts[index];
    index += 1;
    if (receipt === undefined) throw new Error("The log gave fewer receipts than events.");
    return { id: event.id, sequence: receipt.sequence, duplicate: receipt.duplicate };
  });
}

/**
 * Whether the caller may publish to a channel at all: for a wire that answers before it has an event.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`
 */
export async function assertMayPublish(context: OperationContext, channel: ChannelName): Promise<void> {
  await assertAllowed(context.policy, context.identity, "write", channel);
}

/** Publishes one event: see {@link publishEvents}. */
export async function publishEvent(
  context: OperationContext,
  channel: ChannelName,
  event: NewEvent,
): Promise<PublishResult> {
  const [result] = await publishEvents(context, channel, [event]);
  if (result === undefined) throw new Error("The log gave no receipt.");
  return result;
}

/** Encodes an event and holds it to the size limit. @throws EverywireError `payload_too_large` */
export function toEncodedEvent(event: NewEvent, channel: ChannelName, limits: Limits): EncodedEvent {
  const json = encodeEvent(event, channel);
  if (byteLengthExceeds(json, limits.MAX_EVENT_BYTES)) {
    throw new EverywireError("payload_too_large", `An event has at most ${limits.MAX_EVENT_BYTES} bytes.`);
  }
  return {
    type: event.type,
    json,
    dedupeKey: event.hasOwnId ? toDedupeKey(event.source, event.id) : undefined,
  };
}

/** Neither part can hold a control character, so a line feed keeps the pair unambiguous. */
function toDedupeKey(source: string, id: string): string {
  return `${source}\n${id}`;
}

function assertBatchSize(count: number, limits: Limits): void {
  if (count === 0) throw new EverywireError("invalid_argument", "A batch has at least one event.");
  if (count > limits.MAX_BATCH_EVENTS) {
    throw new EverywireError("payload_too_large", `A batch has at most ${limits.MAX_BATCH_EVENTS} events.`);
  }
}

function assertBatchBytes(events: readonly EncodedEvent[], limits: Limits): void {
  let length = 0;
  for (const event of events) length += event.json.length;
  if (length > limits.MAX_BATCH_BYTES) {
    throw new EverywireError("payload_too_large", `A batch has at most ${limits.MAX_BATCH_BYTES} bytes.`);
  }
}

/** UTF-8 is 1 to 3 bytes for each UTF-16 unit, so most texts need no counting. */
function byteLengthExceeds(text: string, limit: number): boolean {
  if (text.length > limit) return true;
  if (text.length * 3 <= limit) return false;
  return new TextEncoder().encode(text).byteLength > limit;
}
