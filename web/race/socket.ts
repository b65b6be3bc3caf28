import type { LaneSink } from "./wire.ts";
import { countBytes } from "./wire.ts";

interface SocketOptions {
  readonly protocols?: readonly string[];
  /** What is sent as soon as it is open. */
  readonly opening?: string;
  readonly onMessage: (text: string, send: (text: string) => void) => void;
}

/** A WebSocket with text frames, until the signal says stop or the other end closes it. */
export function runSocket(
  url: string,
  sink: LaneSink,
  signal: AbortSignal,
  { protocols = [], opening, onMessage }: SocketOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace(/^http/, "ws"), [...protocols]);
    const cut = () => socket.close();
    signal.addEventListener("abort", cut, { once: true });
    socket.addEventListener("open", () => {
      sink.onLive();
      if (opening !== undefined) socket.send(opening);
    });
    socket.addEventListener("message", ({ data }) => {
      if (signal.aborted) return;
      sink.onBytes(countBytes(data));
      onMessage(String(data), (text) => socket.send(text));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      signal.removeEventListener("abort", cut);
      if (code === 1000 || signal.aborted) resolve();
      else reject(new Error(reason === "" ? `Closed with ${code}.` : `Closed with ${code}: ${reason}`));
    });
  });
}
