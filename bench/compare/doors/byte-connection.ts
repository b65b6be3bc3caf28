import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";
import type { Traffic } from "./place.ts";

const ANSWER_TIMEOUT_MS = 15_000;

/** A TCP connection that is read as bytes, which are counted. A library for each wire would measure that library. */
export class ByteConnection {
  readonly #socket: Socket;
  /** Called with all that comes from now on. */
  onData: (chunk: Buffer) => void = () => undefined;
  /** Called once when the other end closes, or the connection is lost. */
  onEnd: (why: string) => void = () => undefined;
  #isClosed = false;
  #why: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.onData(chunk));
    const end = (why: string) => {
      if (this.#isClosed || this.#why !== undefined) return;
      this.#why = why;
      this.onEnd(why);
    };
    socket.on("error", (error) => end(error.message));
    socket.on("close", () => end("The server closed the connection."));
  }

  /** @param localAddress what to connect from, where that matters. @throws Error where nobody listens */
  static async open(port: number, host: string, localAddress?: string): Promise<ByteConnection> {
    const socket = connect({
      port,
      host,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    await once(socket, "connect");
    return new ByteConnection(socket);
  }

  get traffic(): Traffic {
    return { sentBytes: this.#socket.bytesWritten, receivedBytes: this.#socket.bytesRead };
  }

  write(data: string | Uint8Array): void {
    if (typeof data === "string") this.#socket.write(data, "latin1");
    else this.#socket.write(data);
  }

  /**
   * Resolves with everything that has come, as latin1 text, once it holds a text. What follows goes to {@link onData}.
   *
   * @param onChunk is given each chunk as well
   * @throws Error where the connection ends before, or it takes too long; with what came instead
   */
  waitFor(text: string, onChunk: (chunk: Buffer) => void = () => undefined): Promise<string> {
    const found = Promise.withResolvers<string>();
    let received = "";
    const fail = (why: string) =>
      found.reject(new Error(`${why} It was to say '${text}', and said: ${received.slice(0, 300)}`));
    const timer = setTimeout(() => fail("No answer came."), ANSWER_TIMEOUT_MS);
    this.onEnd = fail;
    this.onData = (chunk) => {
      received += chunk.toString("latin1");
      onChunk(chunk);
      if (!received.includes(text)) return;
      this.onData = () => undefined;
      this.onEnd = () => undefined;
      found.resolve(received);
    };
    if (this.#why !== undefined) fail(this.#why);
    return found.promise.finally(() => clearTimeout(timer));
  }

  /** Leaves without a word, as a client that is cut does. */
  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }
}
