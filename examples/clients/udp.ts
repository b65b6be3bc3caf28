import { createSocket } from "node:dgram";
import type { Publish, Read } from "./client.ts";

const RESEND_MS = 500;

/** The address is `udp://127.0.0.1:7102`. */
function toSocket(url: string) {
  const { hostname, port } = new URL(url);
  const socket = createSocket("udp4");
  socket.connect(Number(port), hostname);
  return socket;
}

export const publish: Publish = (url, channel, data) =>
  new Promise((resolve, reject) => {
    const socket = toSocket(url);
    // The same id each time, so that what is sent again is stored once.
    const event = { channel, type: "note", data, id: crypto.randomUUID(), source: "/example" };
    const send = () => socket.send(JSON.stringify({ op: "publish", ...event }));
    const timer = setInterval(send, RESEND_MS);
    socket.on("connect", send);
    socket.on("message", (bytes) => {
      const { op, message } = JSON.parse(String(bytes));
      clearInterval(timer);
      socket.close();
      if (op === "error") reject(new Error(message));
      else resolve();
    });
  });

/** A lease that is renewed. Each event names the one before it, so a hole shows, and is asked for again. */
export const read: Read = (url, channel, after, onEvent) =>
  new Promise((_, reject) => {
    const socket = toSocket(url);
    let last: string | undefined;
    let proof: string | undefined;
    let timer: NodeJS.Timeout;
    const send = (datagram: object) => socket.send(JSON.stringify({ ...datagram, channel, proof }), () => {});
    const subscribe = (againMs = RESEND_MS) => {
      send({ op: "subscribe", after: last ?? after });
      clearTimeout(timer);
      timer = setTimeout(subscribe, againMs);
    };
    // Nobody listens there for now: the timer asks again.
    socket.on("error", () => undefined);
    socket.on("connect", () => subscribe());
    socket.on("message", (bytes) => {
      const told = JSON.parse(String(bytes));
      proof = told.proof ?? proof;
      if (told.op === "challenge") return subscribe();
      if (told.op === "error") return reject(new Error(told.message));
      if (told.op === "expired") return subscribe();
      if (told.op === "subscribed") {
        last ??= String(told.after);
        clearTimeout(timer);
        timer = setTimeout(subscribe, Number(told.lease) * 300);
      } else if (told.op === "position") {
        if (last !== undefined && told.after > last) send({ op: "resend", after: last });
      } else if (told.op === undefined && last !== undefined) {
        if (told.sequence === undefined) return onEvent(told);
        if (last !== "earliest" && told.sequence <= last) return;
        if (told.previous !== last) return send({ op: "resend", after: last });
        last = told.sequence;
        onEvent(told);
      }
    });
  });
