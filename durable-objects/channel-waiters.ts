/** How often it is looked whose time is up, and how long the timer goes on after the last has left. */
const TICK_MS = 1000;

/**
 * Long polls that are parked in the channel until something is appended or their time is up.
 *
 * They share one timer, which is left to run when they are woken: where polls come and go with every event, setting and
 * clearing one for each was a tenth of what a poll costs. It ends soon after they have, since an object with a timer
 * stays in memory.
 */
export class Waiters {
  /** How each is woken, and when its time is up. */
  readonly #parked = new Map<() => void, number>();
  #timer: { readonly id: ReturnType<typeof setTimeout>; readonly dueMs: number } | undefined;

  get size(): number {
    return this.#parked.size;
  }

  /** Resolves at the next {@link wakeAll}, or after `timeoutMs`: whoever leaves early is let go of by the timer. */
  park(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const nowMs = Date.now();
      this.#parked.set(resolve, nowMs + timeoutMs);
      this.#ringAt(nowMs + Math.min(timeoutMs, TICK_MS));
    });
  }

  wakeAll(): void {
    if (this.#parked.size === 0) return;
    const woken = [...this.#parked.keys()];
    this.#parked.clear();
    for (const wake of woken) wake();
  }

  /** Sees to it that the timer rings by then. */
  #ringAt(dueMs: number): void {
    if (this.#timer !== undefined) {
      if (this.#timer.dueMs <= dueMs) return;
      clearTimeout(this.#timer.id);
    }
    this.#timer = { id: setTimeout(() => this.#onRing(), dueMs - Date.now()), dueMs };
  }

  #onRing(): void {
    this.#timer = undefined;
    const nowMs = Date.now();
    let nextMs = nowMs + TICK_MS;
    for (const [wake, dueMs] of this.#parked) {
      if (dueMs <= nowMs) {
        this.#parked.delete(wake);
        wake();
      } else {
        nextMs = Math.min(nextMs, dueMs);
      }
    }
    if (this.#parked.size > 0) this.#ringAt(nextMs);
  }
}
