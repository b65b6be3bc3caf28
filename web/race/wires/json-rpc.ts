import { runSocket } from "../socket.ts";
import type { LaneEvent, LaneWire } from "../wire.ts";
import { withToken } from "../wire.ts";

interface RpcMessage {
  readonly method?: string;
  readonly params?: {
    readonly event?: LaneEvent;
    readonly ref?: unknown;
    readonly error?: { readonly message: string };
  };
  readonly error?: { readonly message: string };
}

export const jsonRpc: LaneWire = {
  name: "json-rpc",
  title: "JSON-RPC 2.0",
  family: "socket",
  path: "GET /rpc, channel.subscribe",
  client: "the browser's WebSocket",
  counted: "the payload of each frame",
  holdsConnection: false,

  async run({ origin, channel, after, token }, sink, signal) {
    const ended = new AbortController();
    let problem: string | undefined;
    const opening = { jsonrpc: "2.0", id: 1, method: "channel.subscribe", params: { channel, after } };
    await runSocket(withToken(`${origin}/rpc`, token), sink, AbortSignal.any([signal, ended.signal]), {
      opening: JSON.stringify(opening),
      onMessage(text, send) {
        const { method, params, error } = JSON.parse(text) as RpcMessage;
        if (method === "channel.event" && params?.event !== undefined) sink.onEvent(params.event);
        else if (method === "channel.ping") {
          send(JSON.stringify({ jsonrpc: "2.0", method: "channel.pong", params: { ref: params?.ref } }));
        } else if (error !== undefined || method === "channel.end") {
          problem = error?.message ?? params?.error?.message ?? "The subscription ended.";
          ended.abort();
        }
      },
    });
    if (problem !== undefined) throw new Error(problem);
  },
};
