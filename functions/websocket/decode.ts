import type { ChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { parseAfter } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { BATCH_SUBPROTOCOL, SUBPROTOCOL } from "../../wire/socket-frame.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import { chooseSubprotocol } from "../boundary/identity.ts";
import { pathOf, queryOf } from "../boundary/request-target.ts";

export interface SocketUpgrade {
  readonly channel: ChannelName;
  readonly after: After;
  readonly subprotocol: string | undefined;
}

/** Reads an upgrade. @throws EverywireError `invalid_argument`, also for a request that is no WebSocket handshake */
export function decodeSocketRequest(request: Request): SocketUpgrade {
  const channel = channelFromPath(pathOf(request.url), "/ws/");
  const after = parseAfter(queryOf(request.url).get("after"));
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new EverywireError("invalid_argument", "This is a WebSocket: send 'Upgrade: websocket'.");
  }
  return { channel, after, subprotocol: chooseSubprotocol(request, [BATCH_SUBPROTOCOL, SUBPROTOCOL]) };
}
