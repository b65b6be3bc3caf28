import type { ChannelName } from "./channel-name.ts";
import { matchesGlob } from "./channel-name.ts";
import type { OperationContext } from "./context.ts";
import type { Identity, UserIdentity } from "./identity.ts";
import { isAdmin } from "./identity.ts";
import { denied } from "./policy.ts";

/**
 * Who may do what with a resource. CONTRACT §6 speaks of channels; resources follow the channels that their events
 * are on:
 *
 * | resource | read | created | changed, deleted |
 * |---|---|---|---|
 * | users | any signed-in user | admins | that user, admins |
 * | products | any signed-in user | admins | admins |
 * | posts, comments | any signed-in user | oneself as author, admins for anybody | author, admins |
 * | orders | owner, admins | for oneself, admins for anybody | admins |
 *
 * A token that lists channels may use a resource only where it lists the channel of its events too, so that a token
 * made for `demo/**` does not open the address book.
 */

/** @throws EverywireError `unauthenticated` */
export function assertSignedIn(identity: Identity): asserts identity is UserIdentity {
  if (identity.kind === "anonymous") throw denied(identity, "");
}

export interface Wish {
  readonly action: "read" | "write";
  /** The channel of the resource's events. */
  readonly channel: ChannelName;
  /** Users who may, next to admins: anybody who is signed in, the one named, or nobody. */
  readonly who: "anybody" | { readonly subject: string } | "admins";
}

/** @throws EverywireError `unauthenticated`, `permission_denied` */
export function assertMay(context: OperationContext, wish: Wish): void {
  const { identity } = context;
  assertSignedIn(identity);
  if (identity.channels !== undefined) {
    const globs = wish.action === "read" ? identity.channels.read : identity.channels.write;
    if (!globs.some((glob) => matchesGlob(wish.channel, glob))) {
      throw denied(identity, `This token may not ${wish.action} '${wish.channel}'.`);
    }
  }
  if (wish.who === "anybody" || isAdmin(identity)) return;
  if (wish.who !== "admins" && wish.who.subject === identity.subject) return;
  throw denied(identity, `You may not ${wish.action} this.`);
}
