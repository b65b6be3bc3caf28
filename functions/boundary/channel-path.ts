import type { ChannelName } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import { EverywireError } from "../../core/error.ts";

/**
 * The channel in a path such as `/sse/rooms/lobby`: what follows the prefix, each segment percent-decoded by itself, so
 * that `%2F` cannot smuggle a separator in. Take the path with `pathOf`, which keeps `..` visible.
 *
 * @throws EverywireError `invalid_argument`; `not_found` where the prefix itself was written with percent-encoding,
 *   which the router decodes and we do not
 */
export function channelFromPath(pathname: string, prefix: string): ChannelName {
  if (!pathname.startsWith(prefix)) throw new EverywireError("not_found", "There is nothing at this path.");
  const rest = pathname.slice(prefix.length);
  if (!rest.includes("%")) return parseChannelName(rest);
  return parseChannelName(rest.split("/").map(decodeSegment).join("/"));
}

function decodeSegment(segment: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(segment);
  } catch {
    throw new EverywireError("invalid_argument", "The path is not well percent-encoded.");
  }
  if (decoded.includes("/")) {
    throw new EverywireError("invalid_argument", "A channel's segments are separated by '/', not by '%2F'.");
  }
  return decoded;
}
