const HEADER_BYTES = 5;

/**
 * Follows the envelopes of a stream (a byte of flags, four of length, the message) and finds one that is too large as
 * soon as its length has come, before anything of it is held.
 */
export class EnvelopeLimit {
  readonly #maxBytes: number;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerBytes = 0;
  /** Bytes of the message that are still to come. */
  #remaining = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether an envelope that begins in this chunk is larger than it may be. */
  isExceededBy(chunk: Uint8Array): boolean {
    let offset = 0;
    while (offset < chunk.byteLength) {
      const skipped = Math.min(this.#remaining, chunk.byteLength - offset);
      this.#remaining -= skipped;
      offset += skipped;
      const taken = chunk.subarray(offset, offset + HEADER_BYTES - this.#headerBytes);
      this.#header.set(taken, this.#headerBytes);
      this.#headerBytes += taken.byteLength;
      offset += taken.byteLength;
      if (this.#headerBytes < HEADER_BYTES) continue;
      this.#headerBytes = 0;
      this.#remaining = new DataView(this.#header.buffer).getUint32(1);
      if (this.#remaining > this.#maxBytes) return true;
    }
    return false;
  }
}
