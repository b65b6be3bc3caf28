import type { Reader, ReceivedEvent } from "./door-driver.ts";
import { DEFAULT_TIMEOUT_MS } from "./door-driver.ts";

/** What a connection received and nobody has taken yet: lets a test await what is pushed. */
export class Received<T> {
  #items: T[] = [];
  /** Items before it were taken: shifting a long array moves all of it each time. */
  #taken = 0;
  #end: Error | undefined;
  #wake: (() => void) | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** What {@link next} rejects with once everything was taken. */
  end(error: Error): void {
    this.#end ??= error;
    this.#wake?.();
  }

  async next(timeoutMs: number = DEFAULT_TIMEOUT_MS): Promise<T> {
    const deadline = Promise.withResolvers<never>();
    const timer = setTimeout(() => deadline.reject(new Error(`Nothing came in ${timeoutMs} ms.`)), timeoutMs);
    try {
      for (;;) {
        const item = this.#take();
        if (item !== undefined) return item;
        if (this.#end !== undefined) throw this.#end;
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        await Promise.race([woken, deadline.promise]);
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #take(): T | undefined {
    const item = this.#items[this.#taken];
    if (item === undefined) return undefined;
    this.#taken += 1;
    if (this.#taken > 1000 && this.#taken * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }
}

/**
 * A reader of what a connection receives, which knows where it is. What is not stored is left out: the presence of the
 * suite's own publishers is not what it asks for.
 */
export function createReader(
  events: Received<ReceivedEvent>,
  start: string | undefined,
  cut: () => void,
): Reader {
  let cursor = start;
  return {
    get cursor() {
      return cursor;
    },
    async next(timeoutMs) {
      for (;;) {
        const received = await events.next(timeoutMs);
        const { sequence, event } = received;
        if (sequence === undefined && event.type !== "everywire.gap") continue;
        cursor = sequence ?? (event.data as { resumedAt: string }).resumedAt;
        return received;
      }
    },
    async cut() {
      cut();
    },
  };
}
