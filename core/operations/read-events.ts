import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import type { After } from "../cursor.ts";
import { EverywireError } from "../error.ts";
import { assertAllowed } from "../policy.ts";
import type { HeldStream, HeldStreamRequest, LiveSubscription, Page, Presence } from "../ports.ts";

const DEFAULT_PAGE_EVENTS = 100;

export interface ReadOptions {
  readonly after: After;
  /** Events in the page; undefined means 100. */
  readonly limit?: number | undefined;
}

/**
 * Reads a page of a channel.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`, `invalid_argument`
 */
export async function readEvents(
  context: OperationContext,
  channel: ChannelName,
  options: ReadOptions,
): Promise<Page> {
  await assertAllowed(context.policy, context.identity, "read", channel);
  return context.ports.channels.read(channel, { after: options.after, limit: toLimit(context, options) });
}

/** Reads a page, and where it would be empty waits for the first event, at most `timeoutMs`. */
export async function waitForEvents(
  context: OperationContext,
  channel: ChannelName,
  options: ReadOptions & { readonly timeoutMs: number },
): Promise<Page> {
  await assertAllowed(context.policy, context.identity, "read", channel);
  const { after, timeoutMs } = options;
  return context.ports.channels.wait(channel, { after, limit: toLimit(context, options), timeoutMs });
}

/** Opens a live subscription. The caller closes it. */
export async function subscribeToEvents(
  context: OperationContext,
  channel: ChannelName,
  after: After,
): Promise<LiveSubscription> {
  await assertAllowed(context.policy, context.identity, "read", channel);
  return context.ports.channels.subscribe(channel, { after });
}

/**
 * Has a channel write to its reader itself. Undefined where it does not do that: then the reader's function subscribes.
 */
export async function openHeldStream(
  context: OperationContext,
  channel: ChannelName,
  request: Omit<HeldStreamRequest, "expiresAtMs">,
): Promise<HeldStream | undefined> {
  const { channels } = context.ports;
  if (channels.openStream === undefined) return undefined;
  const { identity } = context;
  await assertAllowed(context.policy, identity, "read", channel);
  const expiresAtMs = identity.kind === "user" ? identity.expiresAtMs : undefined;
  return channels.openStream(channel, { ...request, expiresAtMs });
}

/** Who is connected to a channel. */
export async function listPresence(context: OperationContext, channel: ChannelName): Promise<Presence> {
  await assertAllowed(context.policy, context.identity, "read", channel);
  return context.ports.channels.presence(channel);
}

/** Deletes a channel's log. @throws EverywireError `not_found` where there is none */
export async function deleteChannel(context: OperationContext, channel: ChannelName): Promise<void> {
  await assertAllowed(context.policy, context.identity, "delete", channel);
  if (!(await context.ports.channels.delete(channel))) {
    throw new EverywireError("not_found", `There is no channel '${channel}'.`);
  }
}

function toLimit(context: OperationContext, options: ReadOptions): number {
  return Math.min(options.limit ?? DEFAULT_PAGE_EVENTS, context.limits.MAX_PAGE_EVENTS);
}
