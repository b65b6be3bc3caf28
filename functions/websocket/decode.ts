import type { ChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { parseAfter } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import { chooseSubprotocol } from "../boundary/identity.ts";

export interface SocketUpgrade {
  readonly channel: ChannelName;
  readonly after: After;
  readonly subprotocol: string | undefined;
}

/** Reads an upgrade. @throws EverywireError `invalid_argument`, also for a request that is no WebSocket handshake */
export function decodeSocketRequest(request: Request): SocketUpgrade {
  const { pathname, searchParams } = new URL(request.url);
  const channel = channelFromPath(pathname, "/ws/");
  const after = parseAfter(searchParams.get("after"));
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new EverywireError("invalid_argument", "This is a WebSocket: send 'Upgrade: websocket'.");
  }
  return { channel, after, subprotocol: chooseSubprotocol(request, ["everywire"]) };
}
