import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import type { After } from "../cursor.ts";
import { createId } from "../ids.ts";
import { assertAllowed, isAllowed } from "../policy.ts";

/**
 * Opens a client's own WebSocket on a channel. Reading is checked here, and so is whether it may publish: the socket
 * then ends in the channel, which trusts what is decided here for as long as the token is good.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`
 */
export async function openSocket(
  context: OperationContext,
  channel: ChannelName,
  options: { readonly after: After; readonly subprotocol: string | undefined },
  upgrade: Request,
): Promise<Response> {
  const { identity } = context;
  await assertAllowed(context.policy, identity, "read", channel);
  const member =
    identity.kind === "user"
      ? { id: identity.subject, name: identity.name }
      : { id: createId("mbr", context.nowMs), name: "anonymous" };
  const mayWrite = await isAllowed(context.policy, identity, "write", channel);
  return context.ports.channels.openSocket(channel, { ...options, identity, mayWrite, member }, upgrade);
}
