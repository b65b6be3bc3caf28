import { runSocket } from "../socket.ts";
import type { LaneEvent, LaneWire } from "../wire.ts";
import { withToken } from "../wire.ts";

export const websocket: LaneWire = {
  name: "websocket",
  title: "WebSocket",
  family: "socket",
  path: "GET /ws/{channel}",
  client: "the browser's WebSocket",
  counted: "the payload of each frame; its head is 2 to 4 bytes more",
  holdsConnection: false,

  run({ origin, channel, after, token }, sink, signal) {
    return runSocket(withToken(`${origin}/ws/${channel}?after=${after}`, token), sink, signal, {
      onMessage(text, send) {
        const message = JSON.parse(text) as LaneEvent & { readonly op?: string; readonly ref?: unknown };
        // The server asks whether we keep up (functions/websocket/README.md).
        if (message.op === "ping") send(JSON.stringify({ op: "pong", ref: message.ref }));
        else if (message.op === undefined) sink.onEvent(message);
      },
    });
  },
};
