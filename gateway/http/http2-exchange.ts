import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { constants } from "node:http2";
import type { Exchange } from "./exchange.ts";
import type { HeaderList } from "./headers.ts";
import { toRecord } from "./headers.ts";
import { untilDrained } from "./until-drained.ts";

/** A request on HTTP/2. */
export class Http2Exchange implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly origin: Exchange["origin"];
  readonly body: AsyncIterable<Uint8Array>;
  readonly isBodyless: boolean;
  readonly signal: AbortSignal;
  readonly #stream: ServerHttp2Stream;
  #trailers: HeaderList | undefined;
  #isEnded = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    this.method = headers[":method"] ?? "GET";
    this.path = headers[":path"] ?? "/";
    this.headers = toList(headers);
    this.origin = toOrigin(stream, headers);
    this.body = stream;
    this.isBodyless = stream.endAfterHeaders === true;
    const left = new AbortController();
    this.signal = left.signal;
    this.#stream = stream;
    stream.on("error", () => {});
    // What is not read to its end is not closed either, where the client leaves without an error.
    if (this.isBodyless) stream.resume();
    stream.once("close", () => {
      // Who leaves without an error leaves all the same, where the answer was not whole.
      const isWhole = this.#isEnded && stream.rstCode === constants.NGHTTP2_NO_ERROR;
      if (!isWhole) left.abort(new Error("The client has left."));
    });
  }

  respond(status: number, headers: HeaderList, isLast: boolean): void {
    const stream = this.#stream;
    if (stream.destroyed) return;
    const fields = { ":status": status, ...toRecord(headers) };
    if (isLast) {
      this.#isEnded = true;
      stream.respond(fields, { endStream: true });
      return;
    }
    stream.respond(fields, { waitForTrailers: true });
    stream.once("wantTrailers", () => {
      if (!stream.destroyed) stream.sendTrailers(toRecord(this.#trailers ?? []));
    });
  }

  async write(chunk: Uint8Array): Promise<void> {
    const stream = this.#stream;
    if (stream.destroyed) throw new Error("The client has left.");
    if (!stream.write(chunk)) await untilDrained(stream);
  }

  end(trailers?: HeaderList): void {
    this.#isEnded = true;
    this.#trailers = trailers;
    this.#stream.end();
  }

  cut(): void {
    this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }
}

function toOrigin(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Exchange["origin"] {
  const socket = stream.session?.socket;
  return {
    remoteAddress: socket?.remoteAddress ?? "",
    authority: String(headers[":authority"] ?? headers.host ?? ""),
    scheme: socket !== undefined && "encrypted" in socket ? "https" : "http",
    version: "2",
  };
}

function toList(headers: IncomingHttpHeaders): HeaderList {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (name.startsWith(":") || value === undefined) return [];
    if (Array.isArray(value)) return value.map((one): [string, string] => [name, one]);
    return [[name, String(value)] as [string, string]];
  });
}
