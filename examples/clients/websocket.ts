import type { Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

const toAddress = (url: string, channel: string) => `${url.replace(/^http/, "ws")}/ws/${channel}`;

export const publish: Publish = (url, channel, data) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(toAddress(url, channel));
    socket.onopen = () => socket.send(JSON.stringify({ type: "note", data, ack: true }));
    socket.onmessage = (frame) => {
      const { op, message } = JSON.parse(frame.data);
      if (op === "ack") resolve();
      else if (op === "error") reject(new Error(message));
      if (op !== undefined) socket.close();
    };
    socket.onclose = () => reject(new Error("The socket was closed."));
  });

export const open: Read = (url, channel, after, onEvent) =>
  new Promise((resolve) => {
    const socket = new WebSocket(`${toAddress(url, channel)}?after=${after}`);
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.op === undefined) onEvent(frame);
    };
    socket.onclose = () => resolve();
  });

export const read: Read = (url, channel, after, onEvent) =>
  resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
