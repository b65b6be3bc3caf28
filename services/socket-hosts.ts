import type { SocketHosts } from "../core/ports.ts";
import { encodeHeaderJson, SOCKET_OPENING_HEADER } from "../wire/socket-opening.ts";

/** Each connection in a new Durable Object: near the client, and sharing its thread with no other connection. */
export function createSocketHosts(namespace: DurableObjectNamespace): SocketHosts {
  return {
    open: (opening) =>
      namespace.get(namespace.newUniqueId()).fetch("https://socket/", {
        headers: { upgrade: "websocket", [SOCKET_OPENING_HEADER]: encodeHeaderJson(opening) },
      }),
  };
}
