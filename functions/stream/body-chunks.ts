/** By itself the runtime gives 4 KiB at a time; more means fewer hops for lines that are there together. */
const CHUNK_BYTES = 64 * 1024;

/** A request's body, in chunks as large as what is there. Each is its reader's to keep. */
export class BodyChunks {
  readonly #read: () => Promise<ReadableStreamReadResult<Uint8Array>>;
  readonly #cancel: () => Promise<void>;

  constructor(body: ReadableStream<Uint8Array>) {
    const sized = openSized(body);
    if (sized !== undefined) {
      this.#read = () => sized.read(new Uint8Array(CHUNK_BYTES));
      this.#cancel = () => sized.cancel();
      return;
    }
    const reader = body.getReader();
    this.#read = () => reader.read();
    this.#cancel = () => reader.cancel();
  }

  /** The next chunk; undefined at the end. Rejects where the client has gone. */
  async next(): Promise<Uint8Array | undefined> {
    const { done, value } = await this.#read();
    return done ? undefined : value;
  }

  /** Reads no more. */
  async stop(): Promise<void> {
    // Rejects where the client has gone, which is what was wanted.
    await this.#cancel().catch(() => undefined);
  }
}

/** Undefined where a body is no stream of bytes (WHATWG Streams §4.5): Deno's are not, and come in large chunks anyway. */
function openSized(body: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | undefined {
  try {
    return body.getReader({ mode: "byob" });
  } catch (thrown) {
    if (thrown instanceof TypeError && !body.locked) return undefined;
    throw thrown;
  }
}
