import type { BodyChunks } from "./body-chunks.ts";

/** How much waits for whoever takes it; then the body waits. */
export interface ReadAheadLimits {
  readonly maxChunks: number;
  readonly maxBytes: number;
}

/** So many chunks in one gathering are worth the turn of the event loop that it waits, a millisecond or two. */
const MIN_GATHERED_CHUNKS = 8;
/** How many are taken before it is tried whether gathering is worth it, at first and at most. */
const FIRST_TRIAL = 8;
const MAX_TRIAL = 256;

/**
 * Reads a body while what came before is being handled. Whoever takes gets all that has come meanwhile: a body gives one
 * chunk of its transfer coding (RFC 9112 §7.1) at a time, and a client may well send each line in a chunk of its own.
 *
 * That alone is not enough where what is done in between takes no longer than a read does, as an append that only waits
 * for its disk: then chunks come one by one, however many have arrived. So now and then it waits for more on purpose, and
 * goes on doing so for as long as many come. Who sends one line after the other's answer waits once in 8 to 256 of them.
 */
export class ReadAhead {
  readonly #chunks: BodyChunks;
  readonly #limits: ReadAheadLimits;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isReading = false;
  #end: { readonly thrown?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #isGathering = false;
  #trialAfter = FIRST_TRIAL;
  #untilTrial = FIRST_TRIAL;

  constructor(chunks: BodyChunks, limits: ReadAheadLimits) {
    this.#chunks = chunks;
    this.#limits = limits;
  }

  /**
   * All chunks that have come since it was asked before, waiting for the first; undefined at the end. One taker at a time.
   * Rejects where the client has gone, once what came before was taken.
   */
  async take(): Promise<readonly Uint8Array[] | undefined> {
    void this.#read();
    if (this.#waiting.length === 0 && this.#end === undefined) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    if (this.#isGathering || this.#isTrial()) await this.#gather();
    const chunks = this.#waiting;
    if (chunks.length === 0) {
      if (this.#end !== undefined && "thrown" in this.#end) throw this.#end.thrown;
      return undefined;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    void this.#read();
    return chunks;
  }

  /** Reads no more. */
  stop(): Promise<void> {
    return this.#chunks.stop();
  }

  #isTrial(): boolean {
    this.#untilTrial -= 1;
    return this.#untilTrial <= 0;
  }

  /** Lets in what has arrived already, for as long as each turn of the event loop brings more. */
  async #gather(): Promise<void> {
    for (let before = 0; this.#waiting.length > before && this.#isReading; ) {
      before = this.#waiting.length;
      await new Promise((resolve) => setTimeout(resolve));
    }
    const isWorthIt = this.#waiting.length >= MIN_GATHERED_CHUNKS;
    if (isWorthIt) this.#trialAfter = FIRST_TRIAL;
    else if (!this.#isGathering) this.#trialAfter = Math.min(MAX_TRIAL, this.#trialAfter * 2);
    this.#isGathering = isWorthIt;
    this.#untilTrial = this.#trialAfter;
  }

  /** Reads until enough waits, or nothing comes any more. It never rejects: whoever takes is told. */
  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const { maxChunks, maxBytes } = this.#limits;
    while (this.#end === undefined && this.#waiting.length < maxChunks && this.#waitingBytes < maxBytes) {
      try {
        this.#put(await this.#chunks.next());
      } catch (thrown) {
        this.#end = { thrown };
      }
      this.#wake?.();
    }
    this.#isReading = false;
  }

  #put(chunk: Uint8Array | undefined): void {
    if (chunk === undefined) {
      this.#end = {};
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.byteLength;
  }
}
