import { connect } from "node:net";
import { createInterface } from "node:readline";
import type { Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

/** The address is `tcp://127.0.0.1:7101`. */
function toSocket(url: string) {
  const { hostname, port } = new URL(url);
  return connect(Number(port), hostname);
}

export const publish: Publish = async (url, channel, data) => {
  const socket = toSocket(url);
  socket.write(`${JSON.stringify({ op: "publish", channel, type: "note", data })}\n`);
  for await (const line of createInterface(socket)) {
    const { op, message } = JSON.parse(line);
    if (op === "error") throw new Error(message);
    if (op === "ack") break;
  }
  socket.destroy();
};

export const open: Read = async (url, channel, after, onEvent) => {
  const socket = toSocket(url);
  const send = (line: object) => socket.write(`${JSON.stringify(line)}\n`);
  send({ op: "subscribe", channel, after });
  const broken = new Promise<never>((_, reject) => socket.once("error", reject));
  const lines = createInterface(socket)[Symbol.asyncIterator]();
  for (;;) {
    const { value, done } = await Promise.race([lines.next(), broken]);
    if (done === true) return;
    // An empty line is a heartbeat.
    if (value === "") continue;
    const line = JSON.parse(value);
    if (line.op === undefined) onEvent(line);
    else if (line.op === "ping") send({ op: "pong", ref: line.ref });
    else if (line.op === "error") throw new Error(line.message);
  }
};

export const read: Read = (url, channel, after, onEvent) =>
  resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
