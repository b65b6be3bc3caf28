import type { ExplorerDoor, Inputs, SocketCall } from "../call.ts";
import { parseData, postJson, toPath, withToken } from "../call.ts";

const socket = (
  inputs: Inputs,
  path: string,
  message: object | undefined,
  more: Partial<SocketCall>,
): SocketCall => ({
  kind: "socket",
  path: withToken(path, inputs),
  protocols: [],
  steps: message === undefined ? [] : [{ message: JSON.stringify(message) }],
  ...more,
});

export const websocket: ExplorerDoor = {
  name: "websocket",
  title: "WebSocket",
  note: "Text frames. What has an `op` is about the connection; everything else is a CloudEvent of the channel.",
  via: "websocket",
  calls: {
    publish: (inputs) =>
      socket(
        inputs,
        toPath("/ws", inputs),
        { type: inputs.type, data: parseData(inputs), ack: "1" },
        { until: '"op":"ack"' },
      ),
    subscribe: (inputs) => socket(inputs, toPath("/ws", inputs, { after: inputs.after }), undefined, {}),
    presence: (inputs) => socket(inputs, toPath("/ws", inputs), { op: "who" }, { until: '"op":"who"' }),
  },
};

const toRpc = (method: string, params: object) => ({ jsonrpc: "2.0", id: 1, method, params });

export const jsonRpc: ExplorerDoor = {
  name: "json-rpc",
  title: "JSON-RPC 2.0",
  note: "Publishing, reading and presence are POST /rpc; a subscription is the same protocol over a WebSocket.",
  via: "json-rpc",
  calls: {
    publish: (inputs) =>
      postJson(
        inputs,
        "/rpc",
        toRpc("channel.publish", { channel: inputs.channel, type: inputs.type, data: parseData(inputs) }),
      ),
    read: (inputs) =>
      postJson(
        inputs,
        "/rpc",
        toRpc("channel.read", { channel: inputs.channel, after: inputs.after, limit: 10 }),
      ),
    subscribe: (inputs) =>
      socket(
        inputs,
        "/rpc",
        toRpc("channel.subscribe", { channel: inputs.channel, after: inputs.after }),
        {},
      ),
    presence: (inputs) => postJson(inputs, "/rpc", toRpc("channel.presence", { channel: inputs.channel })),
  },
};

export const tcp: ExplorerDoor = {
  name: "tcp",
  title: "TCP lines, over a WebSocket",
  note: "What port 7101 speaks: a JSON line each way. A browser has no TCP, so the lines travel in frames.",
  via: "tcp",
  calls: {
    publish: (inputs) =>
      socket(
        inputs,
        "/tcp",
        { op: "publish", ref: 1, channel: inputs.channel, type: inputs.type, data: parseData(inputs) },
        { protocols: ["everywire.lines"], until: '"op":"ack"' },
      ),
    subscribe: (inputs) =>
      socket(
        inputs,
        "/tcp",
        { op: "subscribe", ref: 1, channel: inputs.channel, after: inputs.after },
        { protocols: ["everywire.lines"] },
      ),
  },
};
