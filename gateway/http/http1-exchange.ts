import type { IncomingMessage, ServerResponse } from "node:http";
import type { Exchange } from "./exchange.ts";
import type { HeaderList } from "./headers.ts";
import { fromRawHeaders, toRecord } from "./headers.ts";
import { untilDrained } from "./until-drained.ts";

/** A request on HTTP/1.1. */
export class Http1Exchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly origin: Exchange["origin"];
  readonly body: AsyncIterable<Uint8Array>;
  readonly isBodyless: boolean;
  readonly signal: AbortSignal;
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
    this.#response = response;
    response.on("error", () => {});
    response.once("close", () => {
      if (!response.writableFinished) left.abort(new Error("The client has left."));
    });
  }

  respond(status: number, headers: HeaderList, isLast: boolean): void {
    this.#response.writeHead(status, toRecord(headers));
    if (isLast) this.#response.end();
    else this.#response.flushHeaders();
  }

  async write(chunk: Uint8Array): Promise<void> {
    const response = this.#response;
    if (response.destroyed) throw new Error("The client has left.");
    if (!response.write(chunk)) await untilDrained(response);
  }

  end(): void {
    this.#response.end();
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
