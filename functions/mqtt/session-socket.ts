import type { PublishTerms } from "../../core/mqtt-session.ts";
import {
  CONSUMED_STEP_BYTES,
  decodeConsumed,
  decodeSettled,
  encodeConsumed,
  SETTLE,
  STOP,
  STOPPED,
} from "../../core/mqtt-session.ts";
import { concatBytes } from "../../wire/bytes.ts";

/** What a session says that concerns the connection. */
export interface SessionListener {
  /** Packets for the client. Resolves when it has taken them. */
  onPackets(bytes: Uint8Array): Promise<void>;
  /** It has dealt with some of what it was sent. */
  onRoom(): void;
  /** Another connection takes over: nothing more is published. Resolves when nothing is under way. */
  onStop(): Promise<void>;
  onClosed(code: number, reason: string): void;
}

/** The function's end of the socket to a session. */
export class SessionSocket {
  readonly #socket: WebSocket;
  readonly #listener: SessionListener;
  #isOpen = true;
  #unconsumedBytes = 0;
  /** Bytes that the client has taken, and the session was not told of yet. */
  #takenBytes = 0;
  #settling: PromiseWithResolvers<PublishTerms | undefined> | undefined;

  constructor(socket: WebSocket, listener: SessionListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.addEventListener("message", ({ data }) => this.#onMessage(data));
    socket.addEventListener("close", ({ code, reason }) => this.#onGone(code, reason));
    socket.addEventListener("error", () => this.#onGone(ABNORMAL_CLOSURE, ""));
  }

  /** Bytes that the session has not dealt with yet. */
  get unconsumedBytes(): number {
    return this.#unconsumedBytes;
  }

  /** Hands whole packets on. */
  send(packets: readonly Uint8Array[]): void {
    if (packets.length === 0 || !this.#isOpen) return;
    const bytes = concatBytes(packets);
    this.#unconsumedBytes += bytes.byteLength;
    this.#socket.send(bytes);
  }

  /**
   * Resolves when all that was sent is dealt with, and its answers are on their way to the client: with the terms for what is
   * published beside the session. Undefined where nothing may be, since the session is over or another connection has it.
   */
  settle(): Promise<PublishTerms | undefined> {
    if (!this.#isOpen) return Promise.resolve(undefined);
    if (this.#settling === undefined) {
      this.#settling = Promise.withResolvers();
      this.#tell(SETTLE);
    }
    return this.#settling.promise;
  }

  close(): void {
    try {
      this.#socket.close(1000);
    } catch {
      // It was closed by the session first.
    }
  }

  #onMessage(data: unknown): void {
    if (typeof data === "string") {
      this.#onText(data);
      return;
    }
    if (!(data instanceof ArrayBuffer)) return;
    const bytes = new Uint8Array(data);
    this.#listener.onPackets(bytes).then(() => this.#onTaken(bytes.byteLength));
  }

  #onText(text: string): void {
    if (text === STOP) {
      this.#onSettled(undefined);
      this.#listener.onStop().then(() => this.#tell(STOPPED));
      return;
    }
    const terms = decodeSettled(text);
    if (terms !== undefined) {
      this.#onSettled(terms);
    } else {
      this.#unconsumedBytes -= decodeConsumed(text) ?? 0;
      this.#listener.onRoom();
    }
  }

  #onSettled(terms: PublishTerms | undefined): void {
    this.#settling?.resolve(terms);
    this.#settling = undefined;
  }

  #onTaken(bytes: number): void {
    this.#takenBytes += bytes;
    if (this.#takenBytes < CONSUMED_STEP_BYTES) return;
    this.#tell(encodeConsumed(this.#takenBytes));
    this.#takenBytes = 0;
  }

  #tell(text: string): void {
    if (!this.#isOpen) return;
    try {
      this.#socket.send(text);
    } catch {
      // The session is gone; the socket's own event says so.
    }
  }

  #onGone(code: number, reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#onSettled(undefined);
    this.#listener.onClosed(code, reason);
  }
}

/** RFC 6455 §7.4.1: what stands for an end without a close frame. */
const ABNORMAL_CLOSURE = 1006;
