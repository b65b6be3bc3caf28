import type { Client } from "../../clients/typescript/index.ts";
import { connect } from "../../clients/typescript/index.ts";
import { ORIGIN } from "./server.ts";
import { session } from "./session.ts";

/**
 * The Everywire client, as whoever is signed in. It begins at the WebSocket, whose members are seen by the others, and
 * goes down to long polling where the network wants that.
 */
export function openClient(): Client {
  const { token } = session.value ?? {};
  return connect(ORIGIN, {
    transports: ["websocket", "sse", "ndjson", "long-poll"],
    ...(token === undefined ? {} : { token }),
  });
}
