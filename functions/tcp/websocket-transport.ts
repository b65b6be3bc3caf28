import { ERROR_TABLE } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import type { ServerSocket } from "../../core/ports.ts";
import type { Flow } from "../../core/reader-flow.ts";
import { NEW_FLOW, onPong, onSent } from "../../core/reader-flow.ts";
import type { LineTransport } from "./connection.ts";
import { encodePing } from "./encode.ts";

const LF = new Uint8Array([0x0a]);
const UTF8 = new TextEncoder();
const FROM_UTF8 = new TextDecoder();
const PONG = /^\s*\{\s*"op"\s*:\s*"pong"/;

/**
 * Lines over a WebSocket, for whoever carries them on from another transport: each message is one line or several. It
 * has no back-pressure of its own, so the server asks (`{"op":"ping","ref"}`) how far the client is, and waits for one
 * that answers `{"op":"pong","ref"}`; one that never does is cut when too much is under way.
 */
export class WebSocketTransport implements LineTransport {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly #socket: ServerSocket;
  readonly #limits: Limits;
  #flow: Flow = NEW_FLOW;
  #confirmed: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  constructor(socket: ServerSocket, limits: Limits) {
    this.#socket = socket;
    this.#limits = limits;
    this.readable = new ReadableStream<Uint8Array>(
      { start: (controller) => this.#listen(controller) },
      { highWaterMark: limits.MAX_UNCONFIRMED_BYTES, size: (chunk) => chunk?.byteLength ?? 0 },
    );
    this.writable = new WritableStream<Uint8Array>({
      write: (chunk) => this.#send(chunk),
      close: () => this.close(),
      abort: () => this.close(),
    });
    socket.accept();
  }

  async close(): Promise<void> {
    this.#onClosed();
    try {
      this.#socket.close(1000);
    } catch {
      // It was closed by the other end first.
    }
  }

  #listen(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#socket.addEventListener("message", ({ data }) => {
      if (this.#isClosed) return;
      if (typeof data === "string" && PONG.test(data)) return this.#onPong(data);
      if ((controller.desiredSize ?? 0) <= 0) return this.#cut("more lines at once than can be answered");
      controller.enqueue(typeof data === "string" ? UTF8.encode(data) : new Uint8Array(data as ArrayBuffer));
      controller.enqueue(LF);
    });
    const onEnd = () => {
      if (this.#isClosed) return;
      this.#onClosed();
      // A WebSocket has no half-close: who closes it wants no answers any more.
      controller.error(new Error("The socket was closed."));
    };
    this.#socket.addEventListener("close", () => {
      onEnd();
      this.#socket.close();
    });
    this.#socket.addEventListener("error", onEnd);
  }

  async #send(chunk: Uint8Array): Promise<void> {
    while (!this.#isClosed && this.#flow.hasAnswered && this.#isFull()) {
      this.#confirmed ??= Promise.withResolvers<void>();
      await this.#confirmed.promise;
    }
    if (this.#isClosed) throw new Error("The socket was closed.");
    this.#socket.send(FROM_UTF8.decode(chunk));
    const { flow, action } = onSent(this.#flow, chunk.byteLength, this.#limits);
    this.#flow = flow;
    if (action === "ping") this.#socket.send(encodePing(String(flow.pings)));
    else if (action === "cut" && !flow.hasAnswered) this.#cut("slow reader: answer the server's pings");
  }

  #isFull(): boolean {
    return this.#flow.sentBytes - this.#flow.confirmedBytes > this.#limits.MAX_UNCONFIRMED_BYTES;
  }

  #onPong(text: string): void {
    let ref: unknown;
    try {
      ({ ref } = JSON.parse(text) as { readonly ref?: unknown });
    } catch {
      return;
    }
    this.#flow = onPong(this.#flow, String(ref));
    this.#wake();
  }

  #cut(reason: string): void {
    this.#onClosed();
    this.#socket.close(ERROR_TABLE.unavailable.webSocketClose, reason);
  }

  #onClosed(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    this.#confirmed?.resolve();
    this.#confirmed = undefined;
  }
}
