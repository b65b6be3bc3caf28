import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "node:net";

/**
 * One kept-alive HTTP/1.1 connection, one request at a time. Written on a bare socket, because the load generator
 * shares the machine with what it measures: a full client would use more of it than the server does.
 */
export class HttpConnection {
  readonly #url: string;
  #socket: Socket;
  #received = "";
  #waiting: PromiseWithResolvers<number> | undefined;
  #isOver = false;

  private constructor(url: string, socket: Socket) {
    this.#url = url;
    this.#socket = socket;
    this.#listen(socket);
  }

  static async open(url: string): Promise<HttpConnection> {
    return new HttpConnection(url, await openSocket(url));
  }

  /** Sends a request made by {@link toRequestText} and gives the status, when the whole answer is there. */
  async send(request: string): Promise<number> {
    if (this.#isOver) await this.#reopen();
    this.#received = "";
    this.#waiting = Promise.withResolvers();
    this.#socket.write(request, "latin1");
    return this.#waiting.promise;
  }

  /** The body of the last answer, a character for each byte. */
  get body(): string {
    const headEnd = this.#received.indexOf("\r\n\r\n");
    const body = this.#received.slice(headEnd + 4);
    return CHUNKED.test(this.#received.slice(0, headEnd + 2)) ? joinChunks(body) : body;
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    // One character for each byte, so that lengths are lengths.
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#onData(text));
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => {
      if (socket !== this.#socket) return;
      this.#isOver = true;
      this.#waiting?.reject(new Error("The server closed the connection."));
    });
  }

  /** A server that ends its connections after an answer costs a connection for each: that is part of what it costs. */
  async #reopen(): Promise<void> {
    this.#socket.destroy();
    this.#socket = await openSocket(this.#url);
    this.#isOver = false;
    this.#listen(this.#socket);
  }

  #onData(text: string): void {
    this.#received += text;
    const headEnd = this.#received.indexOf("\r\n\r\n");
    if (headEnd === -1 || this.#waiting === undefined) return;
    const head = this.#received.slice(0, headEnd + 2);
    const status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? (status === 204 ? "0" : undefined);
    if (length === undefined) {
      if (!CHUNKED.test(head)) {
        this.#waiting.reject(new Error("The answer says neither its length nor that it comes in chunks."));
        return;
      }
      if (!this.#received.endsWith(LAST_CHUNK)) return;
    } else if (this.#received.length < headEnd + 4 + Number(length)) {
      return;
    }
    if (/\r\nconnection: *close/i.test(head)) this.#isOver = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting.resolve(status);
  }
}

const CHUNKED = /\r\ntransfer-encoding: *chunked/i;
const LAST_CHUNK = "0\r\n\r\n";

async function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.setNoDelay(true);
  await once(socket, "connect");
  return socket;
}

/** RFC 9112 §7.1, without extensions and trailers. */
function joinChunks(text: string): string {
  let body = "";
  for (let at = 0; ; ) {
    const sizeEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, sizeEnd), 16);
    if (!(size > 0)) return body;
    body += text.slice(sizeEnd + 2, sizeEnd + 2 + size);
    at = sizeEnd + 2 + size + 2;
  }
}

export interface RequestParts {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A character for each byte. */
  readonly body?: string;
}

/** Writes a request as it goes over the wire (RFC 9112 §3). */
export function toRequestText({ method, url, headers = {}, body = "" }: RequestParts): string {
  const { host, pathname, search } = new URL(url);
  const all = { host, ...headers, ...(method === "POST" ? { "content-length": String(body.length) } : {}) };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${pathname}${search} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}
