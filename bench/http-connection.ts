import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

/**
 * One kept-alive HTTP/1.1 connection, one request at a time. Written on a bare socket, because the load generator
 * shares the machine with what it measures: a full client would use more of it than the server does.
 */
export class HttpConnection {
  readonly #socket: Socket;
  #received = "";
  #waiting: PromiseWithResolvers<number> | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    // One character for each byte, so that lengths are lengths.
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#onData(text));
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => this.#waiting?.reject(new Error("The server closed the connection.")));
  }

  static async open(url: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, "connect");
    return new HttpConnection(socket);
  }

  /** Sends a request made by {@link toRequestText} and gives the status, when the whole answer is there. */
  send(request: string): Promise<number> {
    this.#waiting = Promise.withResolvers();
    this.#socket.write(request, "latin1");
    return this.#waiting.promise;
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #onData(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1) return;
    const length = /\r\ncontent-length: *(\d+)/i.exec(this.#received.slice(0, headEnd + 2))?.[1];
    if (length === undefined) {
      this.#waiting?.reject(new Error("The answer says no Content-Length."));
      return;
    }
    if (this.#received.length < headEnd + 4 + Number(length)) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = "";
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(status);
  }
}

export interface RequestParts {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** ASCII. */
  readonly body?: string;
}

/** Writes a request as it goes over the wire (RFC 9112 §3). */
export function toRequestText({ method, url, headers = {}, body = "" }: RequestParts): string {
  const { host, pathname, search } = new URL(url);
  const all = { host, ...headers, ...(method === "POST" ? { "content-length": String(body.length) } : {}) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}
