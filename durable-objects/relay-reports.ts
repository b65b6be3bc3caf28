import type { RelayReport } from "./relay-object.ts";

/** How long a relay waits before it tells again what it could not tell; after that the channel asks with its next event. */
const RETRIES_MS = [100, 1000, 5000];

/** What a relay tells its channel of its readers: one call at a time, of how it is now. */
export class RelayReports {
  readonly #count: () => number;
  readonly #send: (report: RelayReport) => Promise<void>;
  #version = 0;
  #isUntold = false;
  #telling: Promise<void> | undefined;

  constructor(count: () => number, send: (report: RelayReport) => Promise<void>) {
    this.#count = count;
    this.#send = send;
  }

  /** How it is now. */
  next(): RelayReport {
    // By the clock, so that they go on increasing when the object was made anew.
    this.#version = Math.max(this.#version + 1, Date.now() * 1000);
    return { version: this.#version, readers: this.#count() };
  }

  /** Resolves when the channel was told, or could not be. */
  tell(): Promise<void> {
    this.#isUntold = true;
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
    });
    return this.#telling;
  }

  async #tellAll(): Promise<void> {
    while (this.#isUntold) {
      this.#isUntold = false;
      for (const waitMs of [...RETRIES_MS, undefined]) {
        try {
          await this.#send(this.next());
          break;
        } catch (thrown) {
          if (waitMs === undefined) console.warn("A channel was not told of a relay's readers.", thrown);
          else await scheduler.wait(waitMs);
        }
      }
    }
  }
}
