import type { StoredEvent } from "../core/ports.ts";

const MAX_EVENTS = 256;
const MAX_CHARS = 256 * 1024;

/** The newest events of a log, without a hole, for whoever wants them at once. */
export class RecentEvents {
  #events: StoredEvent[] = [];
  #chars = 0;
  #head = 0;

  /** Adds events, the last of which is numbered `head`. */
  add(events: readonly StoredEvent[], head: number): void {
    // What was passed over in between is a hole.
    if (head - events.length !== this.#head) this.clear();
    this.#events.push(...events);
    for (const { json } of events) this.#chars += json.length;
    while (this.#events.length > MAX_EVENTS || this.#chars > MAX_CHARS) {
      this.#chars -= this.#events.shift()?.json.length ?? 0;
    }
    this.#head = head;
  }

  clear(): void {
    this.#events = [];
    this.#chars = 0;
  }

  /** The events above a number, up to `head`, where all of them are still at hand. */
  since(number: number, head: number): readonly StoredEvent[] | undefined {
    const count = head - number;
    if (this.#head !== head || count > this.#events.length) return undefined;
    return this.#events.slice(this.#events.length - count);
  }
}
