import { GatewayError } from "../gateway-error.ts";
import type { Caller } from "../webtransport/worker-lines.ts";
import type { Worker } from "../worker/worker.ts";
import { Publisher } from "./publisher.ts";

const IDLE_MS = 30_000;
const SWEEP_MS = 5000;

/** One connection for each identity, however many datagrams and addresses it sends from. */
export class Publishers {
  readonly #worker: Worker;
  readonly #max: number;
  readonly #open = new Map<string, Publisher>();
  readonly #sweep: ReturnType<typeof setInterval>;

  constructor(worker: Worker, max: number) {
    this.#worker = worker;
    this.#max = max;
    this.#sweep = setInterval(() => this.#closeIdle(Date.now() - IDLE_MS), SWEEP_MS);
  }

  get size(): number {
    return this.#open.size;
  }

  /** Whether one more identity should show first that it receives where it says it is. */
  isStrange(caller: Caller): boolean {
    return this.#open.size >= this.#max / 2 && !this.#open.has(toKey(caller));
  }

  /** @throws GatewayError `unavailable` where all of them are in use */
  get(caller: Caller): Publisher {
    const key = toKey(caller);
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    if (this.#open.size >= this.#max) this.#closeIdle(Number.POSITIVE_INFINITY, 1);
    if (this.#open.size >= this.#max) {
      throw new GatewayError("unavailable", "Too many publish at once. Try again.");
    }
    const publisher = new Publisher(this.#worker, caller);
    this.#open.set(key, publisher);
    return publisher;
  }

  /** Forgets an identity that the Worker refuses. */
  forget(caller: Caller): void {
    const key = toKey(caller);
    this.#open.get(key)?.close();
    this.#open.delete(key);
  }

  close(): void {
    clearInterval(this.#sweep);
    for (const publisher of this.#open.values()) publisher.close();
    this.#open.clear();
  }

  #closeIdle(usedBeforeMs: number, most = Number.POSITIVE_INFINITY): void {
    let closed = 0;
    for (const [key, publisher] of this.#open) {
      if (closed >= most) return;
      if (!publisher.isIdle || publisher.usedAtMs >= usedBeforeMs) continue;
      publisher.close();
      this.#open.delete(key);
      closed += 1;
    }
  }
}

function toKey({ token, origin }: Caller): string {
  return token === undefined ? `address ${origin.remoteAddress}` : `token ${token}`;
}
