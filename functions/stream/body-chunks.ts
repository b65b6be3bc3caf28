/** By itself the runtime gives 4 KiB at a time; more means fewer hops for lines that are there together. */
const BUFFER_BYTES = 64 * 1024;
/** A chunk that is smaller is copied, so that its buffer takes the next one: a line in a chunk of its own is small. */
const COPIED_BYTES = 16 * 1024;

type Read = () => Promise<Uint8Array | undefined>;

/** A request's body, in chunks as large as what is there. Each is its reader's to keep. */
export class BodyChunks {
  readonly #read: Read;
  readonly #cancel: () => Promise<void>;

  constructor(body: ReadableStream<Uint8Array>) {
    const sized = openSized(body);
    if (sized !== undefined) {
      this.#read = readInto(sized);
      this.#cancel = () => sized.cancel();
      return;
    }
    const reader = body.getReader();
    this.#read = async () => (await reader.read()).value;
    this.#cancel = () => reader.cancel();
  }

  /** The next chunk; undefined at the end. Rejects where the client has gone. */
  next(): Promise<Uint8Array | undefined> {
    return this.#read();
  }

  /** Reads no more. */
  async stop(): Promise<void> {
    // Rejects where the client has gone, which is what was wanted.
    await this.#cancel().catch(() => undefined);
  }
}

/** Reads into one buffer for as long as the chunks are small. */
function readInto(reader: ReadableStreamBYOBReader): Read {
  let free: Uint8Array<ArrayBuffer> | undefined;
  return async () => {
    const { done, value } = await reader.read(free ?? new Uint8Array(BUFFER_BYTES));
    free = undefined;
    if (done) return undefined;
    if (value.byteLength > COPIED_BYTES) return value;
    free = new Uint8Array(value.buffer);
    return value.slice();
  };
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
