import { once } from "node:events";
import { connect } from "node:net";
import { WebSocket } from "ws";
import { toRequestText } from "./http-connection.ts";

/** Someone who reads a channel. */
export interface Reader {
  /** Leaves without a word, as a client that is closed does. */
  leave(): void;
}

/** A batch socket takes several events in a frame (functions/websocket). */
export type ReaderKind = "WebSocket" | "WebSocket, batches" | "SSE";

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
    const protocols = kind === "WebSocket, batches" ? ["everywire.batch"] : [];
    const open = (index: number) =>
      kind === "SSE"
        ? openEventStream(url, () => onEvent(index))
        : openSocket(url, protocols, () => onEvent(index));
    readers.push(...(await Promise.all(indexes.map(open))));
  }
  return readers;
}

async function openSocket(url: string, protocols: readonly string[], onEvent: () => void): Promise<Reader> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), [...protocols], { perMessageDeflate: false });
  socket.on("message", (data: Buffer) => {
    // Presence and pings are no events.
    for (let at = data.indexOf(MARK); at !== -1; at = data.indexOf(MARK, at + MARK.length)) onEvent();
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
