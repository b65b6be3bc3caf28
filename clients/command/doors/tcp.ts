import { connect } from "node:net";
import { EverywireError } from "../../typescript/error.ts";
import type { ReadDoor } from "./door.ts";
import { Arrivals, lost } from "./door.ts";
import { readLine } from "./line-operations.ts";

/** JSON lines on a socket of TCP_PORT (functions/tcp). */
export const read: ReadDoor = async function* (target, { channel, after, signal, onLive }) {
  const arrivals = new Arrivals();
  const port = target.ports.TCP_PORT;
  const socket = connect({ host: target.hostname, port });
  socket.setEncoding("utf8").setNoDelay(true);
  const send = (line: object) => socket.write(`${JSON.stringify(line)}\n`);
  const onText = (text: string) => {
    const meaning = readLine(text);
    if (meaning.kind === "event") arrivals.push(meaning.event);
    else if (meaning.kind === "ping") socket.write(`${meaning.pong}\n`);
    else if (meaning.kind === "error") arrivals.end(meaning.error);
    else if (meaning.kind === "answer" && meaning.op === "subscribed") onLive(String(meaning.line.after));
  };
  let rest = "";
  socket.on("connect", () => {
    if (target.token !== undefined) send({ op: "hello", token: target.token });
    send({ op: "subscribe", channel, after, ref: "subscribe" });
  });
  socket.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    try {
      for (const line of lines) onText(line);
    } catch (error) {
      arrivals.end(EverywireError.from(error));
    }
  });
  socket.on("error", (error) => {
    const { code } = error as { readonly code?: string };
    arrivals.end(lost(`Port ${port} (TCP_PORT) of ${target.hostname}: ${code ?? error.message}.`));
  });
  socket.on("close", () => arrivals.end(lost("The connection was closed.")));
  const stop = () => arrivals.end();
  signal.addEventListener("abort", stop, { once: true });
  try {
    yield* arrivals;
  } finally {
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
};
