/** Which record: its collection, and its id. */
export type RecordKey = readonly [collection: string, id: string];

/** Asks the store for records at once; gives for each its text (`wire/rpc-text.ts`), in order, "" where there is none. */
export type SendReads = (keys: readonly RecordKey[]) => Promise<readonly string[]>;

/** How a request goes on beside others. */
export interface ReadTurns {
  /** Keeps the request alive that is running, until the promise settles. */
  waitUntil(promise: Promise<unknown>): void;
  /** Resolves when the requests that have come have had their turn. */
  yieldTurn(): Promise<void>;
}

/** As many as go in one call: about a page of a list. */
const MAX_READS = 100;

/** A call that takes so long has died with the request that carried it. What went with it is asked for again. */
const LOST_MS = 10_000;

interface Waiting {
  readonly key: RecordKey;
  readonly resolve: (text: string) => void;
  readonly reject: (thrown: unknown) => void;
}

/** Reads that go together, from when the first of them came until they are answered. */
interface Call {
  readonly sinceMs: number;
  readonly reads: Waiting[];
}

/**
 * Reads of single records that come together go together. While one is under way, those that come in the same turn are
 * sent with one call: a call costs several times what the read behind it does.
 *
 * Unlike appends (`append-batches.ts`) they do not wait for the call before theirs, so that a store that is far away
 * answers no later; and one that finds none under way is sent at once. The first of those that go together carries the
 * others: it is kept alive until they have their answer.
 */
export class RecordReads {
  readonly #send: SendReads;
  readonly #turns: ReadTurns;
  /** A read that was sent at once. Where its client leaves, the end of the next call takes it away. */
  #lone: object | undefined;
  /** Whoever comes goes with this one; it is one of {@link #calls}. */
  #gathering: Call | undefined;
  /** Those that are not answered, the oldest first. */
  readonly #calls = new Set<Call>();

  constructor(send: SendReads, turns: ReadTurns) {
    this.#send = send;
    this.#turns = turns;
  }

  /** The text of a record, "" where there is none. Rejects where the store could not be asked. */
  get(key: RecordKey): Promise<string> {
    if (this.#lone === undefined && this.#calls.size === 0) return this.#sendAlone(key);
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const nowMs = Date.now();
    const lost = this.#takeLost(nowMs);
    const read = { key, resolve, reject };
    if (this.#gathering !== undefined && lost.length === 0 && this.#gathering.reads.length < MAX_READS) {
      this.#gathering.reads.push(read);
    } else {
      this.#turns.waitUntil(this.#carry({ sinceMs: nowMs, reads: [...lost, read] }));
    }
    return promise;
  }

  async #sendAlone(key: RecordKey): Promise<string> {
    const lone = {};
    this.#lone = lone;
    try {
      const [text] = await this.#send([key]);
      return assertAnswered(text);
    } finally {
      if (this.#lone === lone) this.#lone = undefined;
    }
  }

  /** Sends what comes for as long as each turn brings more. It never rejects. */
  async #carry(call: Call): Promise<void> {
    const { reads } = call;
    this.#gathering = call;
    this.#calls.add(call);
    try {
      for (let before = 0; reads.length > before && reads.length < MAX_READS; ) {
        before = reads.length;
        await this.#turns.yieldTurn();
      }
      if (this.#gathering === call) this.#gathering = undefined;
      const texts = await this.#send(reads.map(({ key }) => key));
      for (const [index, { resolve }] of reads.entries()) resolve(assertAnswered(texts[index]));
    } catch (thrown) {
      for (const { reject } of reads) reject(thrown);
    } finally {
      this.#lone = undefined;
      this.#calls.delete(call);
    }
  }

  /** The reads of a call that has died, to be sent again: a read may be repeated. */
  #takeLost(nowMs: number): readonly Waiting[] {
    const [oldest] = this.#calls;
    if (oldest === undefined || nowMs - oldest.sinceMs <= LOST_MS) return [];
    this.#calls.delete(oldest);
    if (this.#gathering === oldest) this.#gathering = undefined;
    return oldest.reads;
  }
}

function assertAnswered(text: string | undefined): string {
  if (text === undefined) throw new Error("The store answered fewer reads than it was given.");
  return text;
}
