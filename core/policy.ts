import type { ChannelGlob, ChannelName } from "./channel-name.ts";
import { canMatchBoth, matchesGlob } from "./channel-name.ts";
import { EverywireError } from "./error.ts";
import type { Identity } from "./identity.ts";
import { isAdmin } from "./identity.ts";

export type Action = "read" | "write" | "delete";

/** Finds the user that an order belongs to; undefined where there is no such order. */
export type OrderOwner = (orderId: string) => Promise<string | undefined>;

export interface PolicyRules {
  /** Globs of channels that anybody may read and write. */
  readonly anonymousChannels: readonly ChannelGlob[];
  readonly orderOwner: OrderOwner;
}

/**
 * Decides who may do what with a channel (CONTRACT §6):
 *
 * | channel | read, write |
 * |---|---|
 * | an anonymous glob | anybody |
 * | any, where the token lists channels | what it lists, and no more |
 * | `rooms/**` | any signed-in user |
 * | `users/{id}/**` | that user, admins |
 * | `orders/{id}/**` | the order's owner, admins |
 * | the rest | read by signed-in users, written by admins |
 *
 * Deleting is for admins, and for anybody where everything is open to anybody.
 *
 * Nobody waits but for the owner of an order, which is looked up.
 */
export function isAllowed(
  rules: PolicyRules,
  identity: Identity,
  action: Action,
  channel: ChannelName,
): Promise<boolean> | boolean {
  if (rules.anonymousChannels.some((glob) => matchesGlob(channel, glob))) return true;
  if (identity.kind === "anonymous") return false;
  if (identity.channels !== undefined) {
    const globs = action === "read" ? identity.channels.read : identity.channels.write;
    const isListed = globs.some((glob) => matchesGlob(channel, glob));
    return isListed && (action !== "delete" || isAdmin(identity));
  }
  if (isAdmin(identity)) return true;
  if (action === "delete") return false;
  const [area, id] = channel.split("/");
  switch (area) {
    case "rooms":
      return true;
    case "users":
      return id === undefined ? action === "read" : id === identity.subject;
    case "orders":
      if (id === undefined) return action === "read";
      return isOrderOwner(rules, id, identity.subject);
    default:
      return action === "read";
  }
}

async function isOrderOwner({ orderOwner }: PolicyRules, orderId: string, subject: string): Promise<boolean> {
  return (await orderOwner(orderId)) === subject;
}

/**
 * Decides who may follow a pattern: whoever could read some channel that it matches. What comes of it is decided again
 * for each channel ({@link isAllowed}), so this only refuses what could never bring anything.
 */
export async function isPatternAllowed(
  rules: PolicyRules,
  identity: Identity,
  glob: ChannelGlob,
): Promise<boolean> {
  if (!glob.includes("*")) return isAllowed(rules, identity, "read", glob as string as ChannelName);
  if (rules.anonymousChannels.some((open) => canMatchBoth(open, glob))) return true;
  if (identity.kind === "anonymous") return false;
  if (identity.channels !== undefined) return identity.channels.read.some((may) => canMatchBoth(may, glob));
  const [area, id = "*"] = glob.split("/");
  // Below one user or one order, all channels have the same readers.
  const isOnes = (area === "users" || area === "orders") && !id.includes("*");
  return !isOnes || isAllowed(rules, identity, "read", `${area}/${id}` as ChannelName);
}

/**
 * Rejects with `unauthenticated` for an anonymous caller, and with `permission_denied` for a signed-in one. Undefined
 * where there is nothing to wait for, and the caller may.
 */
export function assertAllowed(
  rules: PolicyRules,
  identity: Identity,
  action: Action,
  channel: ChannelName,
): Promise<void> | undefined {
  const isGranted = isAllowed(rules, identity, action, channel);
  if (isGranted === true) return undefined;
  return refuseUnless(isGranted, identity, `You may not ${action} the channel '${channel}'.`);
}

async function refuseUnless(
  isGranted: Promise<boolean> | boolean,
  identity: Identity,
  message: string,
): Promise<void> {
  if (!(await isGranted)) throw denied(identity, message);
}

/** The refusal that fits the caller: who is not signed in is told to do so first. */
export function denied(identity: Identity, message: string): EverywireError {
  return identity.kind === "anonymous"
    ? new EverywireError("unauthenticated", "This needs a bearer token.")
    : new EverywireError("permission_denied", message);
}
