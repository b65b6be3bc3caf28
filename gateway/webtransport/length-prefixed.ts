import { concatBytes } from "../../wire/bytes.ts";
import type { Decoded, MessageSplitter } from "./message-format.ts";
import { faulty } from "./message-format.ts";

const PREFIX_BYTES = 4;

/** Four bytes of length, the highest first, and the message. */
export function withLength(message: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(PREFIX_BYTES);
  new DataView(prefix.buffer).setUint32(0, message.byteLength);
  return concatBytes([prefix, message]);
}

/** Messages that are too large are skipped, and told of. */
export function splitByLength(maxBytes: number, decode: (message: Uint8Array) => Decoded): MessageSplitter {
  return new LengthSplitter(maxBytes, decode);
}

class LengthSplitter implements MessageSplitter {
  readonly #maxBytes: number;
  readonly #decode: (message: Uint8Array) => Decoded;
  /** Joined only when what is waited for is there: a message that comes byte by byte is copied once all the same. */
  #parts: Uint8Array[] = [];
  #heldBytes = 0;
  #neededBytes = PREFIX_BYTES;
  #isInMessage = false;
  #skippedBytes = 0;

  constructor(maxBytes: number, decode: (message: Uint8Array) => Decoded) {
    this.#maxBytes = maxBytes;
    this.#decode = decode;
  }

  *push(chunk: Uint8Array): Generator<Decoded> {
    const skipped = Math.min(this.#skippedBytes, chunk.byteLength);
    this.#skippedBytes -= skipped;
    if (chunk.byteLength === skipped) return;
    this.#parts.push(chunk.subarray(skipped));
    this.#heldBytes += chunk.byteLength - skipped;
    while (this.#heldBytes >= this.#neededBytes) {
      const taken = this.#take(this.#neededBytes);
      if (this.#isInMessage) {
        this.#isInMessage = false;
        this.#neededBytes = PREFIX_BYTES;
        yield this.#decode(taken);
        continue;
      }
      const length = new DataView(taken.buffer, taken.byteOffset).getUint32(0);
      if (length <= this.#maxBytes) {
        this.#isInMessage = true;
        this.#neededBytes = length;
        continue;
      }
      const here = Math.min(length, this.#heldBytes);
      this.#take(here);
      this.#skippedBytes = length - here;
      yield faulty(`A message has at most ${this.#maxBytes} bytes.`);
    }
  }

  *end(): Generator<Decoded> {
    if (this.#heldBytes > 0 || this.#isInMessage || this.#skippedBytes > 0) {
      yield faulty("The stream ended within a message.");
    }
  }

  #take(length: number): Uint8Array {
    const held = concatBytes(this.#parts);
    this.#parts = held.byteLength > length ? [held.subarray(length)] : [];
    this.#heldBytes -= length;
    return held.subarray(0, length);
  }
}
