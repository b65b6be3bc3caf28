import { createClient } from "graphql-ws";
import { WebSocket } from "ws";
import { EverywireError } from "../../typescript/error.ts";
import { toAddress } from "../http.ts";
import type { ReadDoor } from "./door.ts";
import { Arrivals, lost } from "./door.ts";
import { SUBSCRIPTION, toEvent } from "./graphql-operation.ts";
import { toTold } from "./json-line.ts";

/** GraphQL's subscription over graphql-transport-ws, with graphql-ws's own client. */
export const read: ReadDoor = async function* (target, { channel, after, signal, onLive }) {
  const arrivals = new Arrivals();
  let socket: WebSocket | undefined;
  class WatchedSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      socket = this;
    }
  }
  const client = createClient({
    url: toAddress(target, "/graphql").replace(/^http/, "ws"),
    webSocketImpl: WatchedSocket,
    retryAttempts: 0,
    lazy: true,
    ...(target.token === undefined ? {} : { connectionParams: { authorization: `Bearer ${target.token}` } }),
    on: {
      // Messages are taken in their order, so the answer to a ping that follows the subscription says that it has begun.
      connected: () => setImmediate(() => socket?.send(JSON.stringify({ type: "ping" }))),
      pong: () => onLive(undefined),
    },
  });
  const stop = () => {
    socket?.terminate();
    arrivals.end();
  };
  signal.addEventListener("abort", stop, { once: true });
  client.subscribe(
    { query: SUBSCRIPTION, variables: { channel, after } },
    {
      next(result) {
        try {
          arrivals.push(toEvent(result));
        } catch (error) {
          arrivals.end(EverywireError.from(error));
        }
      },
      error: (thrown) => arrivals.end(toError(thrown)),
      complete: () => arrivals.end(),
    },
  );
  try {
    yield* arrivals;
  } finally {
    signal.removeEventListener("abort", stop);
    socket?.terminate();
    void client.dispose();
  }
};

/** graphql-ws gives the operation's errors, or the event of the close. */
function toError(thrown: unknown): EverywireError {
  if (Array.isArray(thrown)) {
    const [{ message, extensions }] = thrown as [{ message: string; extensions?: object }];
    return toTold({ message, ...extensions });
  }
  const { code, reason } = thrown as { readonly code?: number; readonly reason?: string };
  if (code === 4403 || code === 4401)
    return new EverywireError("unauthenticated", reason || "The token is refused.");
  if (code !== undefined) return lost(`The socket was closed: ${code} ${reason}`);
  return EverywireError.from(thrown);
}
