import { once } from "node:events";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { toRequestText } from "./http-connection.ts";

/** Someone who reads a channel. */
export interface Reader {
  /** Leaves without a word, as a client that is closed does. */
  leave(): void;
}

export type ReaderKind = "WebSocket" | "SSE";

/** The event that says that a reader has it all: each event in the lab carries this once. */
const MARK = 'xxxxxxxx"';

/** Opens readers some at a time, and gives them when all of them are ready for events. */
export async function openReaders(
  kind: ReaderKind,
  url: string,
  count: number,
  onEvent: (index: number) => void,
): Promise<readonly Reader[]> {
  const readers: Reader[] = [];
  const AT_ONCE = 50;
  for (let start = 0; start < count; start += AT_ONCE) {
    const indexes = Array.from({ length: Math.min(AT_ONCE, count - start) }, (_, offset) => start + offset);
    const open = kind === "SSE" ? openEventStream : openSocket;
    readers.push(...(await Promise.all(indexes.map((index) => open(url, () => onEvent(index))))));
  }
  return readers;
}

async function openSocket(url: string, onEvent: () => void): Promise<Reader> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), { perMessageDeflate: false });
  socket.on("message", (data: Buffer) => {
    // Presence and pings are no events.
    if (data.includes(MARK)) onEvent();
  });
  await once(socket, "open");
  socket.on("error", () => undefined);
  return { leave: () => socket.terminate() };
}

/** On a bare socket, as a full client for each of thousands would measure the client. */
async function openEventStream(url: string, onEvent: () => void): Promise<Reader> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setEncoding("latin1");
  const opened = Promise.withResolvers<void>();
  let rest = "";
  socket.on("data", (text: string) => {
    opened.resolve();
    rest += text;
    for (let end = rest.indexOf("\n\n"); end !== -1; end = rest.indexOf("\n\n")) {
      if (rest.slice(0, end).includes(MARK)) onEvent();
      rest = rest.slice(end + 2);
    }
  });
  socket.on("error", opened.reject);
  socket.on("close", () => opened.reject(new Error("The stream ended.")));
  socket.write(toRequestText({ method: "GET", url, headers: { accept: "text/event-stream" } }), "latin1");
  await opened.promise;
  return { leave: () => socket.destroy() };
}
