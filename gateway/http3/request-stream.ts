import { concatBytes } from "../../wire/bytes.ts";
import { GatewayError } from "../gateway-error.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HeaderList } from "../http/headers.ts";
import { findHeader } from "../http/headers.ts";
import { encodeFields } from "../qpack/qpack.ts";
import type { ByteSource } from "./byte-source.ts";
import { encodeFrame, FRAME, HTTP2_FRAMES } from "./frames.ts";
import { Http3Error } from "./http3-error.ts";
import type { RequestHead } from "./request-head.ts";
import { encodeVarint } from "./varint.ts";

const CHUNK_BYTES = 64 * 1024;
/** Frames of types that nobody knows, and trailers: read and forgotten. */
const MAX_SKIPPED_BYTES = 64 * 1024;

/** One request on HTTP/3: a bidirectional stream, after its header fields were read. */
export class RequestStream implements Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderList;
  readonly origin: Exchange["origin"];
  readonly body: AsyncGenerator<Uint8Array>;
  readonly isBodyless: boolean;
  readonly signal: AbortSignal;
  readonly #left = new AbortController();
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #source: ByteSource;
  readonly #fail: (error: Http3Error) => void;
  #isEnded = false;

  /** @param fail told what ends the whole connection */
  constructor(
    head: RequestHead,
    source: ByteSource,
    writer: WritableStreamDefaultWriter<Uint8Array>,
    fail: (error: Http3Error) => void,
  ) {
    this.method = head.method;
    this.path = head.path;
    this.headers = head.headers;
    this.origin = head.origin;
    this.#source = source;
    this.#writer = writer;
    this.#fail = fail;
    this.signal = this.#left.signal;
    const length = findHeader(head.headers, "content-length");
    const isReading = head.method === "GET" || head.method === "HEAD";
    this.isBodyless = length === "0" || (length === undefined && isReading);
    this.body = this.#readBody(length === undefined ? undefined : Number(length));
  }

  /** The client, or its whole connection, is gone. */
  leave(): void {
    if (!this.#left.signal.aborted) this.#left.abort(new Error("The client has left."));
    this.#source.cancel();
  }

  respond(status: number, headers: HeaderList, isLast: boolean): void {
    const fields = encodeFields([[":status", String(status)], ...headers]);
    this.#send(encodeFrame(FRAME.HEADERS, fields)).catch(() => this.leave());
    if (isLast) this.end();
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.byteLength === 0) return;
    try {
      await this.#send(concatBytes([encodeVarint(FRAME.DATA), encodeVarint(chunk.byteLength), chunk]));
    } catch (thrown) {
      this.leave();
      throw thrown;
    }
  }

  end(trailers?: HeaderList): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (trailers !== undefined && trailers.length > 0) {
      this.#send(encodeFrame(FRAME.HEADERS, encodeFields(trailers))).catch(() => {});
    }
    this.#writer.close().catch(() => {});
    // What the client still sends is of no use any more (RFC 9114 §4.1).
    if (this.isBodyless) this.#source.cancel();
  }

  cut(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    // Deno has no way to reset a stream: a frame that is not whole says the same.
    this.#send(concatBytes([encodeVarint(FRAME.DATA), encodeVarint(1)])).catch(() => {});
    this.#writer.close().catch(() => {});
    this.#source.cancel();
  }

  #send(bytes: Uint8Array): Promise<void> {
    return this.#writer.write(bytes);
  }

  /** The content of the DATA frames. @throws GatewayError where it is not as long as was said */
  async *#readBody(expected: number | undefined): AsyncGenerator<Uint8Array> {
    const source = this.#source;
    let length = 0;
    let skipped = 0;
    try {
      for (;;) {
        const type = await source.varint();
        if (type === undefined) break;
        const frameBytes = await this.#frameLength(type);
        if (type !== FRAME.DATA) {
          skipped += frameBytes;
          if (skipped > MAX_SKIPPED_BYTES)
            throw new Http3Error("H3_EXCESSIVE_LOAD", "Too much that nobody knows.");
          await source.skip(frameBytes);
          continue;
        }
        for (let left = frameBytes; left > 0; ) {
          const chunk = await source.some(Math.min(left, CHUNK_BYTES));
          if (chunk === undefined) throw new Http3Error("H3_FRAME_ERROR", "A frame is cut short.");
          left -= chunk.byteLength;
          length += chunk.byteLength;
          yield chunk;
        }
      }
      if (expected !== undefined && length !== expected) {
        throw new GatewayError("invalid_argument", "The body is not as long as content-length says.");
      }
    } catch (thrown) {
      if (thrown instanceof Http3Error) this.#fail(thrown);
      // Reset by the client: what it has sent must not be taken for all of it.
      else if (!(thrown instanceof GatewayError)) this.leave();
      throw thrown;
    }
  }

  async #frameLength(type: number): Promise<number> {
    const length = await this.#source.varint();
    if (length === undefined) throw new Http3Error("H3_FRAME_ERROR", "A frame is cut short.");
    if (
      HTTP2_FRAMES.has(type) ||
      type === FRAME.SETTINGS ||
      type === FRAME.GOAWAY ||
      type === FRAME.PUSH_PROMISE
    ) {
      throw new Http3Error("H3_FRAME_UNEXPECTED", "A frame is on the wrong stream.");
    }
    return length;
  }
}
