import { openSocket } from "../../core/operations/open-socket.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { decodeSocketRequest } from "./decode.ts";

/**
 * `GET /ws/{channel}` (RFC 6455 §4.2): checks who asks and what for, and hands the connection to the channel itself.
 * The frames on it are read and written there (durable-objects/channel-socket-commands.ts), one hop from the client.
 */
export function openChannelSocket(c: EdgeContext): Promise<Response> {
  const { channel, after, subprotocol } = decodeSocketRequest(c.req.raw);
  return openSocket(toOperationContext(c), channel, { after, subprotocol }, c.req.raw);
}
