import { EverywireError } from "./error.ts";

/** A line that grows beyond this is no event of ours: an event has 256 KiB, unless its server says otherwise. */
const MAX_LINE_CHARACTERS = 16 * 1024 * 1024;

/** Cuts text into lines, wherever its chunks begin and end. */
export class LineCutter {
  readonly #decoder = new TextDecoder();
  #rest = "";

  /** @throws EverywireError where a line has no end */
  push(chunk: Uint8Array): string[] {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_LINE_CHARACTERS) {
      throw new EverywireError("unavailable", "What comes is not from Everywire: a line has no end.");
    }
    return lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
  }
}
