/// <reference path="./deno-runtime.d.ts" />
import type { ServerSocket, Sockets } from "../core/ports.ts";

/** Codes that mean something in general may not be sent (RFC 6455 §7.4.1); what they would have said is in the reason. */
const RESERVED_CODES: ReadonlySet<number> = new Set([1005, 1006, 1015]);

/**
 * WebSockets as Deno takes them: the socket opens after its response has gone out, so what is sent before that waits here.
 * A client that does not answer Deno's own pings for half a minute is gone.
 */
export function createDenoSockets(): Sockets {
  return {
    accept(upgrade, subprotocol) {
      const { socket, response } = Deno.upgradeWebSocket(upgrade);
      // Deno's own option finds no protocol in a list without spaces, which RFC 6455 §11.3.4 allows and `ws` sends.
      if (subprotocol !== undefined) response.headers.set("sec-websocket-protocol", subprotocol);
      socket.binaryType = "arraybuffer";
      return { socket: new OpeningSocket(socket), response };
    },
  };
}

/** A socket that may be used before it is open. */
class OpeningSocket implements ServerSocket {
  readonly #socket: WebSocket & { readonly bufferedAmount: number };
  #waiting: (string | ArrayBufferView<ArrayBuffer>)[] = [];
  #waitingLength = 0;
  #closing: { readonly code: number | undefined; readonly reason: string | undefined } | undefined;

  constructor(socket: WebSocket & { readonly bufferedAmount: number }) {
    this.#socket = socket;
    socket.addEventListener("open", () => this.#onOpen());
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount + this.#waitingLength;
  }

  accept(): void {
    // Nothing arrives before the response has gone out, and by then every listener is there.
  }

  send(data: string | ArrayBufferView<ArrayBuffer>): void {
    if (this.#socket.readyState !== WebSocket.CONNECTING) {
      this.#socket.send(data);
      return;
    }
    if (this.#closing !== undefined) throw new Error("The socket is closed.");
    this.#waiting.push(data);
    this.#waitingLength += typeof data === "string" ? data.length : data.byteLength;
  }

  close(code?: number, reason?: string): void {
    if (this.#socket.readyState === WebSocket.CONNECTING) this.#closing ??= { code, reason };
    else this.#close(code, reason);
  }

  addEventListener(type: "message" | "close" | "error", listener: (event: never) => void): void {
    this.#socket.addEventListener(type, listener as unknown as (event: Event) => void);
  }

  #onOpen(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingLength = 0;
    for (const data of waiting) this.#socket.send(data);
    if (this.#closing !== undefined) this.#close(this.#closing.code, this.#closing.reason);
  }

  #close(code: number | undefined, reason: string | undefined): void {
    if (code === undefined || RESERVED_CODES.has(code)) this.#socket.close();
    else this.#socket.close(code, reason);
  }
}
