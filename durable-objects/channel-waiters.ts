/** Long polls that are parked in the channel until something is appended or their time is up. */
export class Waiters {
  readonly #parked = new Set<() => void>();

  get size(): number {
    return this.#parked.size;
  }

  /** Resolves at the next {@link wakeAll}, or after `timeoutMs`: whoever leaves early is let go of by the timer. */
  park(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#parked.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#parked.add(wake);
    });
  }

  wakeAll(): void {
    for (const wake of [...this.#parked]) wake();
  }
}
