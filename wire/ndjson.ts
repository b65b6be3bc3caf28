/**
 * NDJSON (newline-delimited JSON): one JSON text a line, UTF-8, lines ended by LF. A CR before the LF is white space to
 * JSON, an empty line is nothing, and the last line may lack its LF.
 */

export const NDJSON_MEDIA_TYPE = "application/x-ndjson";

/** The names under which the same form goes; there is no registered one. */
export const NDJSON_MEDIA_TYPES: readonly [string, ...string[]] = [
  NDJSON_MEDIA_TYPE,
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
];

/** A line and its number, from 1. `bytes` are undefined where the line was too long: it was skipped, and not kept. */
export interface NdjsonLine {
  readonly number: number;
  readonly bytes: Uint8Array | undefined;
}

const LF = 0x0a;
const KEPT_BUFFER_BYTES = 64 * 1024;

/**
 * Cuts a stream of bytes into lines, wherever its chunks begin and end. LF is no part of any other character in UTF-8,
 * so bytes are cut, and only whole lines are decoded.
 *
 * Holds at most `maxLineBytes` of a line that has not ended, in one buffer: a line that comes byte by byte costs no
 * more than one that comes whole.
 */
export class NdjsonSplitter {
  readonly #maxLineBytes: number;
  #held = new Uint8Array();
  #heldBytes = 0;
  #isSkipping = false;
  #number = 1;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** Takes a chunk, which must not be changed afterwards, and gives the lines that it ends, empty ones left out. */
  *push(chunk: Uint8Array): Generator<NdjsonLine, void> {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      const line = this.#takeLine(chunk.subarray(start, end));
      if (line !== undefined) yield line;
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  /** The last line, where it was not ended by LF. */
  *end(): Generator<NdjsonLine, void> {
    const line = this.#heldBytes > 0 || this.#isSkipping ? this.#takeLine(new Uint8Array()) : undefined;
    if (line !== undefined) yield line;
  }

  #takeLine(rest: Uint8Array): NdjsonLine | undefined {
    const number = this.#number;
    this.#number += 1;
    let bytes = rest;
    // Most lines are whole within a chunk, and are not copied.
    if (this.#heldBytes > 0) {
      this.#hold(rest);
      bytes = this.#held.slice(0, this.#heldBytes);
    }
    const isTooLong = this.#isSkipping || bytes.byteLength > this.#maxLineBytes;
    this.#drop();
    this.#isSkipping = false;
    if (isTooLong) return { number, bytes: undefined };
    return isBlank(bytes) ? undefined : { number, bytes };
  }

  #hold(part: Uint8Array): void {
    if (this.#isSkipping || part.byteLength === 0) return;
    const needed = this.#heldBytes + part.byteLength;
    if (needed > this.#maxLineBytes) {
      this.#isSkipping = true;
      this.#drop();
      return;
    }
    if (needed > this.#held.byteLength) {
      const grown = new Uint8Array(Math.min(this.#maxLineBytes, Math.max(needed, this.#held.byteLength * 2)));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(part, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #drop(): void {
    this.#heldBytes = 0;
    // One long line must not keep its buffer for as long as the connection lasts.
    if (this.#held.byteLength > KEPT_BUFFER_BYTES || this.#isSkipping) this.#held = new Uint8Array();
  }
}

/** JSON's white space (RFC 8259 §2). */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
