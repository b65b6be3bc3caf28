/** By itself the runtime gives 4 KiB at a time; more means fewer hops for lines that are there together. */
const CHUNK_BYTES = 64 * 1024;

/** A request's body, in chunks as large as what is there. Each is its reader's to keep. */
export class BodyChunks {
  readonly #reader: ReadableStreamBYOBReader;

  constructor(body: ReadableStream<Uint8Array>) {
    this.#reader = body.getReader({ mode: "byob" });
  }

  /** The next chunk; undefined at the end. Rejects where the client has gone. */
  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#reader.read(new Uint8Array(CHUNK_BYTES));
    return done ? undefined : value;
  }

  /** Reads no more. */
  async stop(): Promise<void> {
    // Rejects where the client has gone, which is what was wanted.
    await this.#reader.cancel().catch(() => undefined);
  }
}
