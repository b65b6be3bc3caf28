import type { OperationContext } from "../context.ts";
import { denied, isAllowed } from "../policy.ts";
import type { ChannelListing } from "../ports.ts";

export interface ListChannelsOptions {
  readonly prefix: string;
  /** The last name of the page before; undefined for the first page. */
  readonly afterName: string | undefined;
  readonly limit: number;
}

export interface ChannelPage {
  readonly channels: readonly ChannelListing[];
  /** The name to go on after; undefined at the end. */
  readonly next: string | undefined;
}

/** Names that one call looks at, so that a caller who may see little cannot make the directory read everything. */
const MAX_SCANNED = 2000;

/**
 * Lists the channels that the caller may read, by name.
 *
 * A page can be short and still have a `next`: what the caller may not read is left out, not hidden behind a number.
 *
 * @throws EverywireError `unauthenticated` for an anonymous caller where no channel is open to anybody
 */
export async function listChannels(
  context: OperationContext,
  options: ListChannelsOptions,
): Promise<ChannelPage> {
  if (context.identity.kind === "anonymous" && context.policy.anonymousChannels.length === 0) {
    throw denied(context.identity, "You may not list channels.");
  }
  const channels: ChannelListing[] = [];
  let afterName = options.afterName;
  let scanned = 0;
  while (channels.length < options.limit && scanned < MAX_SCANNED) {
    const wanted = Math.max(options.limit - channels.length, 50);
    const found = await context.ports.directory.list({ prefix: options.prefix, afterName, limit: wanted });
    scanned += found.length;
    for (const listing of found) {
      if (channels.length === options.limit) return { channels, next: afterName };
      afterName = listing.name;
      if (await isAllowed(context.policy, context.identity, "read", listing.name)) channels.push(listing);
    }
    if (found.length < wanted) return { channels, next: undefined };
  }
  return { channels, next: afterName };
}
