import { GatewayError } from "../gateway-error.ts";

const HEADER_BYTES = 5;
const COMPRESSED = 0x01;
const TRAILERS = 0x80;
const MAX_TRAILER_BYTES = 64 * 1024;

/** Follows the frames of a gRPC-Web answer: messages go through as they come, in whatever pieces; trailers are kept. */
export class FrameSplitter {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  #remaining = 0;
  #kept: { bytes: Uint8Array; length: number; isCompressed: boolean } | undefined;

  /** The trailers, when they are whole. */
  get trailers(): { readonly bytes: Uint8Array; readonly isCompressed: boolean } | undefined {
    return this.#kept !== undefined && this.#remaining === 0 ? this.#kept : undefined;
  }

  /** Gives what belongs to messages. @throws GatewayError where trailers are longer than they may be */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let start = 0;
    let offset = 0;
    while (offset < chunk.byteLength) {
      if (this.#remaining > 0) {
        const taken = Math.min(this.#remaining, chunk.byteLength - offset);
        if (this.#kept !== undefined) {
          this.#kept.bytes.set(chunk.subarray(offset, offset + taken), this.#kept.length);
          this.#kept.length += taken;
        }
        this.#remaining -= taken;
        offset += taken;
        if (this.#kept !== undefined) start = offset;
        continue;
      }
      const taken = chunk.subarray(offset, offset + HEADER_BYTES - this.#headerBytes);
      const isSplit = this.#headerBytes > 0 || taken.byteLength < HEADER_BYTES;
      // A header in two pieces is sent when it is known to be a message's.
      if (this.#headerBytes === 0 && isSplit && offset > start) yield chunk.subarray(start, offset);
      this.#header.set(taken, this.#headerBytes);
      this.#headerBytes += taken.byteLength;
      const began = offset;
      offset += taken.byteLength;
      if (this.#headerBytes < HEADER_BYTES) {
        start = offset;
        break;
      }
      this.#headerBytes = 0;
      this.#remaining = new DataView(this.#header.buffer).getUint32(1);
      const flags = this.#header[0] ?? 0;
      if ((flags & TRAILERS) !== 0) {
        if (!isSplit && began > start) yield chunk.subarray(start, began);
        this.#keepTrailers(flags);
        start = offset;
      } else if (isSplit) {
        yield this.#header.slice();
        start = offset;
      }
    }
    if (this.#kept === undefined && start < chunk.byteLength) yield chunk.subarray(start);
  }

  #keepTrailers(flags: number): void {
    if (this.#remaining > MAX_TRAILER_BYTES) {
      throw new GatewayError("unavailable", "The server's trailers are too long.", { status: 502 });
    }
    this.#kept = {
      bytes: new Uint8Array(this.#remaining),
      length: 0,
      isCompressed: (flags & COMPRESSED) !== 0,
    };
  }
}
