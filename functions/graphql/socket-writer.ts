import { ERROR_TABLE } from "../../core/error.ts";
import type { Limits } from "../../core/limits.ts";
import type { ServerSocket } from "../../core/ports.ts";
import type { Flow } from "../../core/reader-flow.ts";
import { NEW_FLOW, onPong, onSent } from "../../core/reader-flow.ts";

/** Pings that a client which has answered before may leave unanswered. */
const MAX_MISSED_PONGS = 3;

/**
 * Sends messages, and holds the sender back while the client does not keep up: a WebSocket here has no
 * `bufferedAmount`, so the client is pinged (graphql-ws `PROTOCOL.md`, "Ping"), and its pong says that all before it was
 * taken. The same pings are the signs of life on a quiet connection.
 */
export class SocketWriter {
  readonly #socket: ServerSocket;
  readonly #limits: Limits;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  #flow: Flow = NEW_FLOW;
  #missedPongs = 0;
  /** Resolved when the client has caught up. */
  #room: PromiseWithResolvers<void> | undefined;
  #isStopped = false;

  constructor(socket: ServerSocket, limits: Limits) {
    this.#socket = socket;
    this.#limits = limits;
    this.#heartbeat = setInterval(() => this.#onHeartbeat(), limits.HEARTBEAT_SECONDS * 1000);
  }

  /** Sends a message; resolves when there is room for another. */
  async send(message: string): Promise<void> {
    if (this.#isStopped) return;
    this.#socket.send(message);
    const { flow, action } = onSent(this.#flow, message.length, this.#limits);
    this.#flow = flow;
    if (action === "ping") this.#ping();
    if (action === "cut") this.#cut();
    const unconfirmedBytes = flow.sentBytes - flow.confirmedBytes;
    if (!flow.hasAnswered || unconfirmedBytes <= (this.#limits.MAX_UNCONFIRMED_BYTES * 3) / 4) return;
    this.#room ??= Promise.withResolvers<void>();
    await this.#room.promise;
  }

  onPong(payload: unknown): void {
    const { ref } = (payload ?? {}) as { readonly ref?: unknown };
    this.#missedPongs = 0;
    this.#flow = onPong(this.#flow, String(ref));
    if (this.#flow.pingedAtBytes === undefined) this.#makeRoom();
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#heartbeat);
    this.#makeRoom();
  }

  #onHeartbeat(): void {
    if (this.#flow.hasAnswered && this.#missedPongs >= MAX_MISSED_PONGS) {
      this.#cut();
      return;
    }
    this.#missedPongs += 1;
    if (this.#flow.pingedAtBytes === undefined) {
      this.#flow = { ...this.#flow, pingedAtBytes: this.#flow.sentBytes, pings: this.#flow.pings + 1 };
    }
    this.#ping();
  }

  #ping(): void {
    this.#socket.send(JSON.stringify({ type: "ping", payload: { ref: String(this.#flow.pings) } }));
  }

  #cut(): void {
    this.stop();
    this.#socket.close(
      ERROR_TABLE.unavailable.webSocketClose,
      "Too slow a reader: go on from your last cursor.",
    );
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}
