import { EverywireError } from "../../core/error.ts";
import type { Edge, EdgeContext } from "../boundary/edge.ts";
import { chooseSubprotocol } from "../boundary/identity.ts";
import { LineConnection } from "./connection.ts";
import { WebSocketTransport } from "./websocket-transport.ts";

const SUBPROTOCOL = "everywire.lines";

/** Serves one TCP connection until both of its halves are closed, or it breaks. */
export async function serveLines(edge: Edge, socket: Socket): Promise<void> {
  const { remoteAddress = "" } = await socket.opened;
  // Without the port, which is another one for every connection of the same client.
  const address = remoteAddress.replace(/:\d+$/, "");
  await new LineConnection(edge, socket, { kind: "anonymous", address }).run();
}

/** `GET /tcp`: the same lines over a WebSocket (RFC 6455 §4.2). */
export function handleUpgrade(c: EdgeContext): Response {
  const request = c.req.raw;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new EverywireError("invalid_argument", "This is a WebSocket: send 'Upgrade: websocket'.");
  }
  const edge = c.get("edge");
  const { socket, response } = edge.ports.sockets.accept(request, chooseSubprotocol(request, [SUBPROTOCOL]));
  const transport = new WebSocketTransport(socket, edge.settings.limits);
  const { requestId } = c.env;
  new LineConnection(edge, transport, c.get("identity"))
    .run()
    .catch((thrown: unknown) => console.error(requestId, thrown));
  return response;
}
