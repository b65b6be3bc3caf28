import { concatBytes } from "../../wire/bytes.ts";

/**
 * Writes to a socket what is there at once: what comes while a write is under way goes out together with the next. Small
 * packets come by the thousand, and each write is a system call.
 */
export class ByteWriter {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #waiting: Uint8Array[] = [];
  /** The write that will take what waits; undefined while nothing is written. */
  #next: Promise<void> | undefined;
  #isWriting = false;

  constructor(stream: WritableStream<Uint8Array>) {
    this.#writer = stream.getWriter();
  }

  /** Resolves when the bytes were taken. */
  write(bytes: Uint8Array): Promise<void> {
    if (!this.#isWriting) return this.#start(bytes);
    this.#waiting.push(bytes);
    this.#next ??= this.#last.then(() => {
      const together = concatBytes(this.#waiting);
      this.#waiting = [];
      this.#next = undefined;
      return this.#start(together);
    });
    return this.#next;
  }

  /** Closes the socket's sending half once everything was written; it does not wait for that. */
  close(): void {
    const closing = this.#next ?? this.#last;
    closing.then(() => this.#writer.close()).catch(() => undefined);
  }

  #last: Promise<void> = Promise.resolve();

  #start(bytes: Uint8Array): Promise<void> {
    this.#isWriting = true;
    const written = this.#writer.write(bytes).finally(() => {
      // Unless another write follows at once.
      this.#isWriting = this.#next !== undefined;
    });
    this.#last = written;
    return written;
  }
}
