import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** Lines beyond those that say something, after which the file is written anew. */
const MAX_STALE_LINES = 10_000;

/**
 * How far each channel was carried, on disk: a line for each step, the last one counts. A step that is lost with the machine
 * means that events are carried again, under the same ids; so it need not be on disk before the next one.
 */
export class CursorFile {
  readonly #path: string;
  readonly #cursors = new Map<string, string>();
  #file: number;
  #lines = 0;
  #isClosed = false;

  /** @throws Error where the file cannot be read or written */
  constructor(path: string) {
    this.#path = path;
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(path)) {
      for (const line of readFileSync(path, "utf8").split("\n")) {
        const [channel, cursor, end] = line.split(" ");
        // The last line may have been cut in the middle.
        if (channel !== undefined && cursor !== undefined && end === ".") this.#cursors.set(channel, cursor);
      }
    }
    this.#file = this.#rewrite();
  }

  get(channel: string): string | undefined {
    return this.#cursors.get(channel);
  }

  /** Notes steps that are done. */
  set(steps: ReadonlyMap<string, string>): void {
    if (steps.size === 0 || this.#isClosed) return;
    let text = "";
    for (const [channel, cursor] of steps) {
      this.#cursors.set(channel, cursor);
      text += toLine(channel, cursor);
    }
    writeSync(this.#file, text);
    this.#lines += steps.size;
    if (this.#lines < this.#cursors.size + MAX_STALE_LINES) return;
    closeSync(this.#file);
    this.#file = this.#rewrite();
  }

  /** What comes later is not noted, and so is carried again. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    fsyncSync(this.#file);
    closeSync(this.#file);
  }

  /** Writes what counts to a new file, which takes the place of the old one when it is whole. */
  #rewrite(): number {
    const path = `${this.#path}.new`;
    const file = openSync(path, "w");
    let text = "";
    for (const [channel, cursor] of this.#cursors) text += toLine(channel, cursor);
    writeSync(file, text);
    fsyncSync(file);
    renameSync(path, this.#path);
    this.#lines = this.#cursors.size;
    return file;
  }
}

function toLine(channel: string, cursor: string): string {
  return `${channel} ${cursor} .\n`;
}
