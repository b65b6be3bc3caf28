import { ERROR_TABLE, EverywireError } from "../../core/error.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { takeRequest, toOperationContext } from "../boundary/edge.ts";
import { chooseSubprotocol } from "../boundary/identity.ts";
import { CHANNEL_METHODS, SOCKET_METHODS } from "./channel-methods.ts";
import { decodeBody } from "./decode.ts";
import { describeMethods, discoverMethod } from "./discover.ts";
import { Dispatcher } from "./dispatcher.ts";
import { encodeFailure, toRpcError } from "./encode.ts";
import type { Method } from "./method.ts";
import { RESOURCE_METHODS } from "./resources.ts";
import type { RpcContext, SocketContext } from "./rpc-context.ts";
import { RpcSocket } from "./socket.ts";

export const PATH = "/rpc";
/** What a batch may make us hold at once. */
const MAX_ANSWER_CHARACTERS = 8 * 1024 * 1024;
const SUBPROTOCOLS = ["jsonrpc", "jsonrpc-2.0"];
const HEADERS = { "content-type": "application/json", "cache-control": "no-store" };

const discover: Method<RpcContext> = discoverMethod(() => document());
const methods: readonly Method<RpcContext>[] = [...CHANNEL_METHODS, ...RESOURCE_METHODS, discover];
const socketMethods: readonly Method<SocketContext>[] = [...methods, ...SOCKET_METHODS];
const httpDispatcher = new Dispatcher<RpcContext>(methods);
const socketDispatcher = new Dispatcher<SocketContext>(socketMethods);

let described: ReturnType<typeof describeMethods> | undefined;

/** Made when it is first asked for: it says the same to everybody, and takes longer than a request should. */
function document() {
  described ??= describeMethods(socketMethods as readonly Method<never>[], [
    { name: "HTTP, and WebSocket by upgrade", url: PATH },
  ]);
  return described;
}

/** `POST /rpc` */
export async function handlePost(c: EdgeContext): Promise<Response> {
  const { limits } = c.get("edge").settings;
  let text: string | undefined;
  try {
    text = await decodeBody(c.req.raw, limits.MAX_REQUEST_BYTES);
  } catch (thrown) {
    const error = EverywireError.from(thrown);
    if (error.code === "internal") throw thrown;
    return toRefusal(error);
  }
  const context: RpcContext = { operation: () => toOperationContext(c), yieldTurn: () => undefined };
  let isPaid = true;
  const answer = await httpDispatcher.dispatch(text, context, {
    // The request has paid for one call; each further one of a batch counts as a request of its own.
    admit: () => {
      if (!isPaid) return takeRequest(c.get("edge"), c.get("identity"));
      isPaid = false;
      return undefined;
    },
    maxBatch: limits.MAX_BATCH_EVENTS,
    maxAnswerCharacters: MAX_ANSWER_CHARACTERS,
    onFault: faultLog(c),
  });
  if (answer === undefined) return new Response(null, { status: 204 });
  return new Response(answer, { headers: HEADERS });
}

/** What the boundary refuses, for a client of JSON-RPC. A WebSocket that was not upgraded has HTTP's own errors. */
export function refuse(c: EdgeContext, error: EverywireError): Promise<Response> | undefined {
  return c.req.method === "POST" && c.req.path === PATH ? Promise.resolve(toRefusal(error)) : undefined;
}

/** Before there is a call, HTTP has a status to say it with; the body is JSON-RPC all the same. */
function toRefusal(error: EverywireError): Response {
  const headers = new Headers(HEADERS);
  if (error.retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
  }
  if (error.code === "unauthenticated") headers.set("www-authenticate", 'Bearer realm="everywire"');
  return new Response(encodeFailure(null, toRpcError(error)), {
    status: ERROR_TABLE[error.code].http,
    headers,
  });
}

/** `GET /rpc`: the same methods over a WebSocket, and subscriptions. */
export function handleUpgrade(c: EdgeContext): Response {
  const request = c.req.raw;
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    throw new EverywireError("invalid_argument", "POST here, or send 'Upgrade: websocket'.");
  }
  const { sockets } = c.get("edge").ports;
  const { socket, response } = sockets.accept(request, chooseSubprotocol(request, SUBPROTOCOLS));
  new RpcSocket({
    socket,
    dispatcher: socketDispatcher,
    operation: () => toOperationContext(c),
    admit: () => takeRequest(c.get("edge"), c.get("identity")),
    maxAnswerCharacters: MAX_ANSWER_CHARACTERS,
    onFault: faultLog(c),
  });
  return response;
}

function faultLog(c: EdgeContext): (error: EverywireError) => void {
  const { requestId } = c.env;
  return (error) => console.error(requestId, error.cause ?? error);
}
