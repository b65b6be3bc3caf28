import type { Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

export const publish: Publish = async (url, channel, data) => {
  const params = { channel, type: "note", data };
  const response = await fetch(`${url}/rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "channel.publish", params }),
  });
  const { error } = (await response.json()) as { error?: { message: string } };
  if (error !== undefined) throw new Error(error.message);
};

export const open: Read = (url, channel, after, onEvent) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/rpc`);
    const send = (message: object) => socket.send(JSON.stringify({ jsonrpc: "2.0", ...message }));
    socket.onopen = () => send({ id: 1, method: "channel.subscribe", params: { channel, after } });
    socket.onmessage = (frame) => {
      const { method, params, error } = JSON.parse(frame.data);
      if (error !== undefined) reject(new Error(error.message));
      else if (method === "channel.event") onEvent(params.event);
      // A reader that does not answer is taken for gone.
      else if (method === "channel.ping") send({ method: "channel.pong", params: { ref: params?.ref } });
      else if (method === "channel.end") socket.close();
    };
    socket.onclose = () => resolve();
  });

export const read: Read = (url, channel, after, onEvent) =>
  resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
