import { randomBytes } from "node:crypto";

/**
 * What an event carries so that its arrival is known: a prefix that nothing else on any wire has, and the time at which it was
 * sent, in 5 characters. It passes every wire as it is, so one search through the bytes of a socket finds the events of all of
 * them, at the same cost for each: no wire is charged for its library.
 */
const PREFIX = "~ew";
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const TIME_LENGTH = 5;
const MARK_LENGTH = PREFIX.length + TIME_LENGTH;
/** 5 characters of 6 bits are 18 minutes of microseconds, after which they begin anew. */
const WRAP_US = 2 ** 30;
const VALUES = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, DIGITS.indexOf(String.fromCharCode(code))),
);
const PREFIX_BYTES = Buffer.from(PREFIX);

/** The smallest data that has room for a mark and the quotes of a JSON string. */
export const MIN_DATA_BYTES = MARK_LENGTH + 2;

/** Microseconds of the clock that all processes of a machine share, modulo {@link WRAP_US}. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return ((seconds % 1_000_000) * 1_000_000 + Math.floor(nanoseconds / 1000)) % WRAP_US;
}

/** From one time of {@link nowUs} to a later one, in ms. */
export function elapsedMs(fromUs: number, toUs: number): number {
  return ((toUs - fromUs + WRAP_US) % WRAP_US) / 1000;
}

/** Makes event data of a size: JSON strings, each with the time it was made. */
export class EventData {
  readonly #padding: string;

  /** @param bytes of the JSON text. @throws Error where there is no room for a mark */
  constructor(bytes: number) {
    if (bytes < MIN_DATA_BYTES)
      throw new Error(`An event that is measured has at least ${MIN_DATA_BYTES} bytes.`);
    const length = bytes - MIN_DATA_BYTES;
    // What compresses would flatter the wires that compress, where real data seldom repeats.
    this.#padding = randomBytes(length).toString("base64").slice(0, length);
  }

  /** The JSON text of the next event's data. */
  next(): string {
    return `"${encodeMark(nowUs())}${this.#padding}"`;
  }
}

/** The mark of something that was sent at a time of {@link nowUs}. */
export function encodeMark(timeUs: number): string {
  let text = PREFIX;
  for (let shift = 24; shift >= 0; shift -= 6) text += DIGITS[(timeUs >> shift) & 63];
  return text;
}

/** Finds marks in the bytes of one connection, wherever its chunks are cut. */
export class MarkScanner {
  readonly #onMark: (sentAtUs: number) => void;
  #rest: Buffer | undefined;

  constructor(onMark: (sentAtUs: number) => void) {
    this.#onMark = onMark;
  }

  push(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = undefined;
    let from = 0;
    for (let at = bytes.indexOf(PREFIX_BYTES); at !== -1; at = bytes.indexOf(PREFIX_BYTES, from)) {
      if (at + MARK_LENGTH > bytes.length) {
        this.#rest = Buffer.from(bytes.subarray(at));
        return;
      }
      let timeUs = 0;
      for (let index = at + PREFIX.length; index < at + MARK_LENGTH; index += 1) {
        timeUs = timeUs * 64 + (VALUES[bytes[index] as number] as number);
      }
      from = at + MARK_LENGTH;
      this.#onMark(timeUs);
    }
    // The beginning of a mark may be at the end.
    const tail = bytes.lastIndexOf(PREFIX_BYTES[0] as number);
    if (tail >= Math.max(from, bytes.length - PREFIX.length + 1))
      this.#rest = Buffer.from(bytes.subarray(tail));
  }
}
