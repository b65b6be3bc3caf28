import type { IncomingMessage, ServerResponse } from "node:http";
import type { Exchange } from "./exchange.ts";
import type { HeaderList } from "./headers.ts";
import { fromRawHeaders, toRecord } from "./headers.ts";
import { untilDrained } from "./until-drained.ts";

/** For how long a client may go on sending what nobody wants. */
const LATE_BODY_MS = 10_000;

/** A request on HTTP/1.1. */
export class Http1Exchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly origin: Exchange["origin"];
  readonly body: AsyncIterable<Uint8Array>;
  readonly isBodyless: boolean;
  readonly signal: AbortSignal;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.method = request.method ?? "GET";
    this.path = request.url ?? "/";
    this.headers = fromRawHeaders(request.rawHeaders);
    this.origin = toOrigin(request);
    this.body = request;
    const { "transfer-encoding": coding, "content-length": length } = request.headers;
    this.isBodyless = coding === undefined && (length === undefined || length === "0");
    const left = new AbortController();
    this.signal = left.signal;
    this.#request = request;
    this.#response = response;
    response.on("error", () => {});
    response.once("close", () => {
      if (!response.writableFinished) left.abort(new Error("The client has left."));
    });
  }

  respond(status: number, headers: HeaderList, isLast: boolean): void {
    this.#response.writeHead(status, toRecord(headers));
    if (isLast) this.end();
    else this.#response.flushHeaders();
  }

  async write(chunk: Uint8Array): Promise<void> {
    const response = this.#response;
    if (response.destroyed) throw new Error("The client has left.");
    if (!response.write(chunk)) await untilDrained(response);
  }

  /**
   * Where the client still sends, the answer is there but not at its end until it has sent all: a connection that is to be
   * closed after the answer would be closed under it, and the answer be lost.
   */
  end(): void {
    const request = this.#request;
    if (this.isBodyless || request.complete) {
      this.#response.end();
      return;
    }
    const finish = () => {
      clearTimeout(timer);
      this.#response.end();
    };
    const timer = setTimeout(finish, LATE_BODY_MS);
    request.once("end", finish).once("close", finish);
  }

  cut(): void {
    this.#response.destroy();
  }
}

export function toOrigin(request: IncomingMessage): Exchange["origin"] {
  return {
    remoteAddress: request.socket.remoteAddress ?? "",
    authority: request.headers.host ?? "",
    scheme: "encrypted" in request.socket ? "https" : "http",
    version: request.httpVersion,
  };
}
