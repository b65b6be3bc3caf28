import type { Line, MessageCutter } from "./format.ts";

const PREFIX_BYTES = 4;

/** Four bytes of length, the highest first, and the message. */
export function withLength(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + message.byteLength);
  new DataView(framed.buffer).setUint32(0, message.byteLength);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** Cuts messages that have their length before them. */
export class LengthCutter implements MessageCutter {
  readonly #decode: (message: Uint8Array) => Line;
  #parts: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(decode: (message: Uint8Array) => Line) {
    this.#decode = decode;
  }

  *push(chunk: Uint8Array): Generator<Line> {
    this.#parts.push(chunk);
    this.#heldBytes += chunk.byteLength;
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      if (this.#heldBytes < PREFIX_BYTES + length) return;
      const held = this.#join();
      const rest = held.subarray(PREFIX_BYTES + length);
      this.#parts = rest.byteLength > 0 ? [rest] : [];
      this.#heldBytes = rest.byteLength;
      yield this.#decode(held.subarray(PREFIX_BYTES, PREFIX_BYTES + length));
    }
  }

  #nextLength(): number | undefined {
    if (this.#heldBytes < PREFIX_BYTES) return undefined;
    // Joined only for a prefix that is spread over chunks: a long message is not copied with each of its chunks.
    const [first] = this.#parts;
    const start = first !== undefined && first.byteLength >= PREFIX_BYTES ? first : this.#join();
    return new DataView(start.buffer, start.byteOffset).getUint32(0);
  }

  #join(): Uint8Array {
    const [only] = this.#parts;
    if (this.#parts.length === 1 && only !== undefined) return only;
    const whole = new Uint8Array(this.#heldBytes);
    let offset = 0;
    for (const part of this.#parts) {
      whole.set(part, offset);
      offset += part.byteLength;
    }
    this.#parts = [whole];
    return whole;
  }
}
