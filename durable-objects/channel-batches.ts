import type { StoredEvent } from "../core/ports.ts";

/** The longest that an event waits for others. */
const MAX_WINDOW_MS = 5;
/** Fewer readers are not kept waiting at all. */
const MIN_READERS = 20;
/** A write to each of so many readers is worth a millisecond of waiting. */
const READERS_PER_WINDOW_MS = 10;
/** What waits never gets larger than this: then it goes at once. */
const MAX_WAITING_CHARS = 256 * 1024;

/** How long events are gathered before they go to so many readers. */
export function windowMsFor(readers: number): number {
  if (readers < MIN_READERS) return 0;
  return Math.min(MAX_WINDOW_MS, Math.floor(readers / READERS_PER_WINDOW_MS));
}

/**
 * Events that go out to live readers together. A write to a reader costs the same for one event as for thirty, so under
 * load those that come within a short window share one. An event that finds no window open goes at once and opens one:
 * who publishes now and then never waits.
 */
export class ChannelBatches {
  readonly #send: (events: readonly StoredEvent[]) => void;
  readonly #countReaders: () => number;
  readonly #wait: (delayMs: number) => Promise<unknown>;
  #waiting: StoredEvent[] = [];
  #waitingChars = 0;
  #isOpen = false;

  /** @param wait resolves after so many milliseconds, and keeps the object from sleeping until then */
  constructor(
    send: (events: readonly StoredEvent[]) => void,
    countReaders: () => number,
    wait: (delayMs: number) => Promise<unknown>,
  ) {
    this.#send = send;
    this.#countReaders = countReaders;
    this.#wait = wait;
  }

  /** Sends events now, or within the window that is open. */
  add(events: readonly StoredEvent[]): void {
    if (events.length === 0) return;
    if (!this.#isOpen) {
      this.#send(events);
      const windowMs = windowMsFor(this.#countReaders());
      if (windowMs > 0) void this.#gather(windowMs);
      return;
    }
    this.#waiting.push(...events);
    for (const { json } of events) this.#waitingChars += json.length;
    if (this.#waitingChars > MAX_WAITING_CHARS) this.flush();
  }

  /**
   * Sends what waits; true where there was something. Called before anything that must not overtake it, and before a
   * reader becomes live who was given it already.
   */
  flush(): boolean {
    if (this.#waiting.length === 0) return false;
    const events = this.#waiting;
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#send(events);
    return true;
  }

  async #gather(windowMs: number): Promise<void> {
    this.#isOpen = true;
    try {
      // As long as there is load, one window follows on another.
      do await this.#wait(windowMs);
      while (this.flush());
    } finally {
      this.#isOpen = false;
    }
  }
}
