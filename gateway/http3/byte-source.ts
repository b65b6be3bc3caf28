import { concatBytes } from "../../wire/bytes.ts";
import { decodeVarint, varintLength } from "./varint.ts";

/** A stream ended in the middle of something. */
export class Truncated extends Error {
  override readonly name = "Truncated";
}

/** Takes from a stream of bytes what is asked for, however the bytes come. */
export class ByteSource {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #held: Uint8Array = new Uint8Array();
  #isEnded = false;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Undefined at the end of the stream. @throws Truncated */
  async varint(): Promise<number | undefined> {
    if (!(await this.#hold(1))) return undefined;
    const needed = varintLength(this.#held[0] ?? 0);
    if (!(await this.#hold(needed))) throw new Truncated("The stream ended within an integer.");
    const { value } = decodeVarint(this.#held);
    this.#held = this.#held.subarray(needed);
    return value;
  }

  /** @throws Truncated */
  async bytes(length: number): Promise<Uint8Array> {
    if (!(await this.#hold(length))) throw new Truncated("The stream ended within a frame.");
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  /** What is there, and at most so much; undefined at the end of the stream. */
  async some(most: number): Promise<Uint8Array | undefined> {
    if (this.#held.byteLength === 0 && !(await this.#fill())) return undefined;
    const taken = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(taken.byteLength);
    return taken;
  }

  /** Reads and forgets. @throws Truncated */
  async skip(length: number): Promise<void> {
    for (let left = length; left > 0; ) {
      const taken = await this.some(left);
      if (taken === undefined) throw new Truncated("The stream ended within a frame.");
      left -= taken.byteLength;
    }
  }

  /** All that still comes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const taken = await this.some(Number.MAX_SAFE_INTEGER);
      if (taken === undefined) return;
      yield taken;
    }
  }

  /** Wants nothing more. */
  cancel(): void {
    this.#isEnded = true;
    this.#reader.cancel().catch(() => {});
  }

  async #hold(length: number): Promise<boolean> {
    if (this.#held.byteLength >= length) return true;
    const parts = [this.#held];
    let held = this.#held.byteLength;
    while (held < length) {
      if (!(await this.#fill())) break;
      parts.push(this.#held);
      held += this.#held.byteLength;
    }
    this.#held = concatBytes(parts.filter(({ byteLength }) => byteLength > 0));
    return held >= length;
  }

  /** Replaces what is held by what comes next. */
  async #fill(): Promise<boolean> {
    if (this.#isEnded) return false;
    for (;;) {
      const { done, value } = await this.#reader.read();
      if (done) {
        this.#isEnded = true;
        this.#held = new Uint8Array();
        return false;
      }
      if (value.byteLength === 0) continue;
      this.#held = value;
      return true;
    }
  }
}
