import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { toDefaultSource, toRateKey } from "../identity.ts";
import { assertAllowed } from "../policy.ts";
import type {
  CreatedStream,
  CreateStreamRequest,
  ReadStreamRequest,
  StreamAppended,
  StreamAppendRequest,
  StreamInfo,
  StreamPage,
  StreamWriter,
} from "../stream.ts";

/**
 * Creates a stream, or finds that there is just that one.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`; `already_exists` where there is another one;
 *   `not_found`, `gone`, `precondition_failed`, `invalid_argument` for a fork that its source cannot give
 */
export async function createStream(
  context: OperationContext,
  channel: ChannelName,
  request: Omit<CreateStreamRequest, keyof StreamWriter>,
): Promise<CreatedStream> {
  await assertAllowed(context.policy, context.identity, "write", channel);
  const { fork } = request;
  // A fork shows what its source holds: who may not read that, may not have a copy of it.
  if (fork !== undefined) await assertAllowed(context.policy, context.identity, "read", fork.source);
  return context.ports.channels.createStream(channel, { ...request, ...toWriter(context) });
}

/**
 * Appends to a stream, all or none, and closes it where that is asked for; durable when this resolves.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied` (also for a producer that a later epoch fenced off),
 *   `not_found`, `gone`, `invalid_argument`, `payload_too_large`, `rate_limited`, `precondition_failed`
 */
export async function appendToStream(
  context: OperationContext,
  channel: ChannelName,
  request: Omit<StreamAppendRequest, keyof StreamWriter>,
): Promise<StreamAppended> {
  await assertAllowed(context.policy, context.identity, "write", channel);
  return context.ports.channels.appendToStream(channel, { ...request, ...toWriter(context) });
}

/** Reads a page of a stream. @throws EverywireError `unauthenticated`, `permission_denied`, `not_found`, `gone` */
export async function readStream(
  context: OperationContext,
  channel: ChannelName,
  request: ReadStreamRequest,
): Promise<StreamPage> {
  await assertAllowed(context.policy, context.identity, "read", channel);
  return context.ports.channels.readStream(channel, request);
}

/** What a stream is. @throws EverywireError `unauthenticated`, `permission_denied`, `not_found`, `gone` */
export async function describeStream(context: OperationContext, channel: ChannelName): Promise<StreamInfo> {
  await assertAllowed(context.policy, context.identity, "read", channel);
  return context.ports.channels.describeStream(channel);
}

function toWriter(context: OperationContext): StreamWriter {
  return {
    source: toDefaultSource(context.identity),
    rateKey: context.hasRateLimits ? toRateKey(context.identity) : undefined,
  };
}
