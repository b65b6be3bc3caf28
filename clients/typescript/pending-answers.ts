import { EverywireError } from "./error.ts";

interface Pending<Answer> {
  resolve(answer: Answer): void;
  reject(error: EverywireError): void;
  readonly timer: ReturnType<typeof setTimeout>;
  readonly atMs: number;
}

const TIMEOUT_MS = 10_000;

/** What was asked over a connection and is not answered yet, by what ties the answer to it. */
export class PendingAnswers<Answer> {
  readonly #pending = new Map<string, Pending<Answer>>();
  #refs = 0;

  /** When the oldest of them was asked; undefined where all are answered. */
  get oldestAtMs(): number | undefined {
    const [oldest] = this.#pending.values();
    return oldest?.atMs;
  }

  nextRef(): string {
    this.#refs += 1;
    return String(this.#refs);
  }

  /** @param onTimeout what answers nothing brings nothing either: it has to end the connection */
  wait(ref: string, onTimeout: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#pending.set(ref, { resolve, reject, timer: setTimeout(onTimeout, TIMEOUT_MS), atMs: Date.now() });
    });
  }

  resolve(ref: unknown, answer: Answer): void {
    this.#take(ref)?.resolve(answer);
  }

  reject(ref: unknown, error: EverywireError): void {
    this.#take(ref)?.reject(error);
  }

  /** The connection is over. */
  end(): void {
    for (const ref of [...this.#pending.keys()]) this.reject(ref, lost());
  }

  #take(ref: unknown): Pending<Answer> | undefined {
    const pending = this.#pending.get(String(ref));
    this.#pending.delete(String(ref));
    clearTimeout(pending?.timer);
    return pending;
  }
}

export function lost(): EverywireError {
  return new EverywireError("unavailable", "The connection was lost.");
}
