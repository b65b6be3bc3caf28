import type { CloudEvent } from "../../typescript/event.ts";
import { toAddress } from "../http.ts";
import type { ReadDoor } from "./door.ts";
import { Arrivals } from "./door.ts";
import { parseObject, toTold } from "./json-line.ts";
import { openSocket } from "./socket.ts";

const SUBSCRIBE_ID = 1;

/** `channel.subscribe` over a WebSocket at `/rpc` (functions/json-rpc). */
export const read: ReadDoor = async function* (target, { channel, after, signal, onLive }) {
  const arrivals = new Arrivals();
  const onMessage = (text: string, send: (text: string) => void) => {
    const { id, method, params, result, error } = parseObject(text) as {
      id?: unknown;
      method?: string;
      params?: { event?: CloudEvent; error?: RpcError; ref?: unknown };
      result?: { cursor?: string };
      error?: RpcError;
    };
    if (error !== undefined) arrivals.end(toTold({ message: error.message, ...error.data }));
    else if (id === SUBSCRIBE_ID) onLive(result?.cursor);
    else if (method === "channel.event" && params?.event !== undefined) arrivals.push(params.event);
    else if (method === "channel.end") {
      arrivals.end(toTold({ message: params?.error?.message, ...params?.error?.data }));
    } else if (method === "channel.ping") {
      send(JSON.stringify({ jsonrpc: "2.0", method: "channel.pong", params: { ref: params?.ref } }));
    }
  };
  const close = await openSocket(
    target,
    toAddress(target, "/rpc"),
    { arrivals, signal, onMessage },
    (send) => {
      const params = { channel, after };
      send(JSON.stringify({ jsonrpc: "2.0", id: SUBSCRIBE_ID, method: "channel.subscribe", params }));
    },
  );
  try {
    yield* arrivals;
  } finally {
    close();
  }
};

interface RpcError {
  readonly message: string;
  readonly data?: object;
}
