import { logSparingly } from "../log.ts";
import type { Exchange, Handle } from "./exchange.ts";

/** The exchanges that have begun and not ended. */
export class UnderWay {
  readonly #running = new Set<Promise<void>>();

  get count(): number {
    return this.#running.size;
  }

  run(handle: Handle, exchange: Exchange): void {
    const running = handle(exchange)
      .catch((thrown: unknown) => {
        if (exchange.signal.aborted) return;
        logSparingly("fault", { path: exchange.path, why: thrown });
        exchange.cut();
      })
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }
}
