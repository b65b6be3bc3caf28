import type { ChannelGlob, ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import { denied, isAllowed, isPatternAllowed } from "../policy.ts";

/**
 * Whether the caller may follow a pattern of channels durably.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`
 */
export async function assertMayFollow(context: OperationContext, glob: ChannelGlob): Promise<void> {
  if (await isPatternAllowed(context.policy, context.identity, glob)) return;
  throw denied(context.identity, `You may not read '${glob}'.`);
}

/** Whether an event of a channel may go to the caller: asked for each channel that a followed pattern matches. */
export async function mayReceive(context: OperationContext, channel: ChannelName): Promise<boolean> {
  return isAllowed(context.policy, context.identity, "read", channel);
}
