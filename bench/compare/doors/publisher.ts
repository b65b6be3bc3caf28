import type { Place, Traffic } from "./place.ts";

/** Someone who publishes to a channel, over connections that are open. */
export interface Publisher {
  readonly traffic: Traffic;
  /**
   * Publishes one event; resolves when it is acknowledged. At most as many at once as it was opened for.
   *
   * @param data the JSON text of the event's data
   * @throws Error where it was refused
   */
  send(data: string): Promise<void>;
  close(): void;
}

/** Connects, for so many publishes under way at a time. */
export type OpenPublisher = (place: Place, channel: string, concurrency: number) => Promise<Publisher>;

/** The type that every event of the lab has. */
export const EVENT_TYPE = "lab";

/** Answers that come in the order of what was sent, or that only have to be counted. */
export class Answers {
  readonly #waiting: PromiseWithResolvers<void>[] = [];
  #failure: Error | undefined;

  /** Waits for the next answer that nobody waits for yet. */
  next(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    return waiting.promise;
  }

  take(): void {
    this.#waiting.shift()?.resolve();
  }

  /** What is under way, and what will be asked for, fails. */
  fail(why: string): void {
    this.#failure = new Error(why);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }
}

/** Counts a text in what comes, wherever the chunks are cut. */
export class TextCounter {
  readonly #text: string;
  readonly #onText: () => void;
  #rest = "";

  constructor(text: string, onText: () => void) {
    this.#text = text;
    this.#onText = onText;
  }

  push(chunk: Buffer): void {
    const received = this.#rest + chunk.toString("latin1");
    let from = 0;
    for (let at = received.indexOf(this.#text); at !== -1; at = received.indexOf(this.#text, from)) {
      from = at + this.#text.length;
      this.#onText();
    }
    this.#rest = received.slice(Math.max(from, received.length - this.#text.length + 1));
  }
}
