import { DurableObject } from "cloudflare:workers";
import type { SocketOpening } from "../core/ports.ts";
import { SOCKET_OPENING_HEADER } from "../wire/socket-opening.ts";

/** What happens on a socket that was accepted; it is told of messages and of the end by the socket's own events. */
export type ServeSocket<Env> = (env: Env, socket: WebSocket, opening: SocketOpening) => void;

/**
 * One GraphQL connection, in an object of its own, because the subscriptions on it need a context that outlives the
 * request and ends in order when the client is gone. It does not hibernate: the state of a connection (who it is, which
 * subscriptions run) is in memory, and when it is lost the client connects again and goes on from its cursors.
 *
 * What is spoken on the socket is the door's to know, and a Durable Object knows no door: `worker.ts` puts them together.
 */
export function createGraphqlSocketClass<Env>(serve: ServeSocket<Env>) {
  return class GraphqlSocket extends DurableObject<Env> {
    override fetch(request: Request): Response {
      const header = request.headers.get(SOCKET_OPENING_HEADER);
      if (header === null) return new Response(null, { status: 400 });
      const opening = JSON.parse(header) as SocketOpening;
      const { 0: client, 1: server } = new WebSocketPair();
      server.accept();
      serve(this.env, server, opening);
      const headers = new Headers();
      if (opening.subprotocol !== undefined) headers.set("sec-websocket-protocol", opening.subprotocol);
      return new Response(null, { status: 101, webSocket: client, headers });
    }
  };
}
