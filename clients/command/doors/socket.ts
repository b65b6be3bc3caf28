import { WebSocket } from "ws";
import { EverywireError, parseError } from "../../typescript/error.ts";
import { authorize, unreachable } from "../http.ts";
import type { Target } from "../target.ts";
import type { Arrivals } from "./door.ts";
import { lost } from "./door.ts";

export interface SocketOptions {
  /** Ended when the socket is. */
  readonly arrivals: Arrivals;
  readonly signal: AbortSignal;
  readonly protocol?: string;
  /** @throws EverywireError, which ends the socket */
  onMessage(text: string, send: (text: string) => void): void;
}

/**
 * Opens a WebSocket; what comes goes to `onMessage`, and its end to the arrivals. Gives what closes it.
 *
 * @throws EverywireError where the upgrade was refused
 */
export async function openSocket(
  target: Target,
  url: string,
  { arrivals, signal, protocol, onMessage }: SocketOptions,
  onOpen: (send: (text: string) => void) => void,
): Promise<() => void> {
  const socket = new WebSocket(url.replace(/^http/, "ws"), protocol === undefined ? [] : [protocol], {
    headers: authorize(target),
  });
  const send = (text: string) => socket.send(text);
  const close = () => {
    signal.removeEventListener("abort", close);
    arrivals.end();
    socket.terminate();
  };
  signal.addEventListener("abort", close, { once: true });
  const opened = Promise.withResolvers<void>();
  socket.on("open", () => {
    onOpen(send);
    opened.resolve();
  });
  socket.on("message", (data) => {
    try {
      onMessage(String(data), send);
    } catch (error) {
      arrivals.end(EverywireError.from(error));
      socket.terminate();
    }
  });
  socket.on("unexpected-response", (_request, response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("end", () => opened.reject(toRefusal(response.statusCode, Buffer.concat(chunks).toString())));
  });
  socket.on("error", (error) => opened.reject(unreachable(target, error)));
  socket.on("close", (code, reason) => {
    const error = toEnd(code, String(reason));
    opened.reject(error);
    arrivals.end(error);
  });
  try {
    await opened.promise;
  } catch (error) {
    close();
    throw error;
  }
  return close;
}

function toRefusal(status: number | undefined, text: string): EverywireError {
  try {
    const told = parseError((JSON.parse(text) as { readonly error?: unknown }).error);
    if (told !== undefined) return told;
  } catch {
    // A proxy answered.
  }
  return lost(`The upgrade to a WebSocket was answered ${status}.`);
}

function toEnd(code: number, reason: string): EverywireError {
  if (code === 4401) return new EverywireError("unauthenticated", reason || "The token has expired.");
  if (code === 4410) return new EverywireError("gone", reason || "The channel was deleted.");
  return lost(`The socket was closed: ${code} ${reason}`.trim());
}
