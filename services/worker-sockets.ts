import type { Sockets } from "../core/ports.ts";

/** WebSockets as workerd takes them: a pair, one end of which goes out with the response. */
export function createWorkerSockets(): Sockets {
  return {
    accept(_upgrade, subprotocol) {
      const { 0: client, 1: socket } = new WebSocketPair();
      const headers: Record<string, string> =
        subprotocol === undefined ? {} : { "sec-websocket-protocol": subprotocol };
      return { socket, response: new Response(null, { status: 101, webSocket: client, headers }) };
    },
  };
}
