import type { ClientAttachment } from "./channel-sockets.ts";
import type { RelayedAnswer, RelayedFrame } from "./relay-object.ts";

/** What goes in one call, and what waits at most before whoever sends is held back. */
const MAX_FRAMES = 256;
const MAX_CHARS = 1024 * 1024;

/** What frames need of their relay. */
interface FrameHost {
  send(frames: readonly RelayedFrame[]): Promise<readonly RelayedAnswer[]>;
  /** Told when there is something on its way, and when nothing is any more. */
  onBusy(isBusy: boolean): void;
  /** Ends a connection whose frames were lost. */
  cut(socket: WebSocket): void;
}

/**
 * Carries what clients send to the channel, and its answers back to them: in order, one call at a time, and what comes
 * meanwhile goes with the next one.
 */
export class RelayFrames {
  readonly #host: FrameHost;
  readonly #numbers = new WeakMap<WebSocket, number>();
  readonly #sockets = new Map<number, WebSocket>();
  #connections = 0;
  #waiting: RelayedFrame[] = [];
  #waitingChars = 0;
  #sending: Promise<void> | undefined;

  constructor(host: FrameHost) {
    this.#host = host;
  }

  /** Sends a frame with those that come just after; a promise where so much waits that the next one has to as well. */
  add(
    socket: WebSocket,
    attachment: ClientAttachment,
    message: string | ArrayBuffer,
  ): Promise<void> | undefined {
    this.#waiting.push({ connection: this.#numberOf(socket), attachment, message });
    this.#waitingChars += typeof message === "string" ? message.length : message.byteLength;
    this.#sending ??= this.#sendAll();
    return this.#waiting.length >= MAX_FRAMES || this.#waitingChars >= MAX_CHARS ? this.#sending : undefined;
  }

  /** The socket of a connection that the channel names. */
  find(connection: number | undefined): WebSocket | undefined {
    return connection === undefined ? undefined : this.#sockets.get(connection);
  }

  forget(socket: WebSocket): void {
    this.#sockets.delete(this.#numbers.get(socket) ?? 0);
  }

  #numberOf(socket: WebSocket): number {
    let number = this.#numbers.get(socket);
    if (number === undefined) {
      this.#connections += 1;
      number = this.#connections;
      this.#numbers.set(socket, number);
      this.#sockets.set(number, socket);
    }
    return number;
  }

  async #sendAll(): Promise<void> {
    this.#host.onBusy(true);
    while (this.#waiting.length > 0) {
      const frames = this.#waiting.splice(0, countFitting(this.#waiting));
      this.#waitingChars = this.#waiting.reduce((chars, { message }) => chars + sizeOf(message), 0);
      try {
        for (const { connection, text } of await this.#host.send(frames)) this.#answer(connection, text);
      } catch (thrown) {
        console.warn("A channel did not take what was sent to it.", thrown);
        for (const connection of new Set(frames.map((frame) => frame.connection))) {
          const socket = this.#sockets.get(connection);
          if (socket !== undefined) this.#host.cut(socket);
        }
      }
    }
    this.#sending = undefined;
    this.#host.onBusy(false);
  }

  #answer(connection: number, text: string): void {
    try {
      this.#sockets.get(connection)?.send(text);
    } catch {
      // It closed in the meantime.
    }
  }
}

/** How many of those that wait go in one call; one at least. */
function countFitting(frames: readonly RelayedFrame[]): number {
  let chars = 0;
  const tooMuch = frames.findIndex(({ message }, index) => {
    chars += sizeOf(message);
    return index > 0 && (index >= MAX_FRAMES || chars > MAX_CHARS);
  });
  return tooMuch === -1 ? frames.length : tooMuch;
}

function sizeOf(message: string | ArrayBuffer): number {
  return typeof message === "string" ? message.length : message.byteLength;
}
