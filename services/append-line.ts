import { EverywireError } from "../core/error.ts";
import type { AppendLine, AppendRequest, Receipt } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";
import { decodeOutcomes, decodeReceipts, encodeAppends } from "../wire/rpc-text.ts";

/** A function's end of a line to a channel (durable-objects/channel-append-lines.ts): a message, and its answer. */
export class SocketAppendLine implements AppendLine {
  readonly #socket: WebSocket;
  /** Who waits for an answer. */
  #waiting: PromiseWithResolvers<string> | undefined;
  #isOpen = true;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      waiting?.resolve(String(data));
    });
    socket.addEventListener("close", () => this.#onGone());
    socket.addEventListener("error", () => this.#onGone());
    socket.accept();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async append(request: AppendRequest): Promise<readonly Receipt[]> {
    if (this.#waiting !== undefined) throw new Error("An append line takes one append after the other.");
    if (!this.#isOpen) throw cutOff();
    const waiting = Promise.withResolvers<string>();
    this.#waiting = waiting;
    this.#socket.send(encodeAppends([request]));
    const [outcome = ""] = decodeOutcomes<Failure>(await waiting.promise);
    if (typeof outcome !== "string") throw EverywireError.fromData(outcome.error);
    return decodeReceipts(outcome);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#socket.close(1000);
    this.#onGone();
  }

  #onGone(): void {
    this.#isOpen = false;
    this.#waiting?.reject(cutOff());
    this.#waiting = undefined;
  }
}

function cutOff(): EverywireError {
  return new EverywireError("unavailable", "The append was cut off; whether it happened is unknown.");
}
