import { log } from "../log.ts";

const FIRST_PROBE_MS = 100;
const LAST_PROBE_MS = 5000;
const PROBE_TIMEOUT_MS = 2000;
/** For so long an answer stands for the next ones. */
const FRESH_MS = 1000;
/** Whoever starts the two together may have us up first: that is told only where it lasts. */
const START_GRACE_MS = 10_000;

/** Faults of the way to the Worker, as against faults of one request. */
const UNREACHABLE = new Set(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"]);

/**
 * Whether the Worker can be reached. Requests tell it what they met; while it is away, it is asked again and again with
 * growing pauses, so that the log says once that it went, and once that it is back.
 */
export class WorkerHealth {
  readonly #url: string;
  #lostAtMs: number | undefined;
  #answeredAtMs = 0;
  #refreshing: Promise<void> | undefined;
  #probe: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;
  readonly #startedAtMs = Date.now();
  #wasReached = false;
  /** Whether the log has it that it is away. */
  #isTold = false;

  /** @param url of the Worker, without a slash at the end */
  constructor(url: string) {
    this.#url = url;
  }

  /** Since when it is away, in milliseconds since 1970; undefined while it is there. */
  get lostAtMs(): number | undefined {
    return this.#lostAtMs;
  }

  onAnswer(): void {
    this.#answeredAtMs = Date.now();
    this.#wasReached = true;
    if (this.#lostAtMs === undefined) return;
    if (this.#isTold) log("the Worker is back", { url: this.#url, awayMs: Date.now() - this.#lostAtMs });
    this.#isTold = false;
    this.#lostAtMs = undefined;
    clearTimeout(this.#probe);
  }

  onFailure(error: Error & { readonly code?: unknown }): void {
    if (this.#isClosed || !UNREACHABLE.has(String(error.code))) return;
    this.#onLost(error);
  }

  /** Asks, unless it is known: where nothing is going on nobody would notice that it went, or that it hangs. */
  async refresh(): Promise<void> {
    if (this.#lostAtMs !== undefined || Date.now() - this.#answeredAtMs < FRESH_MS) return;
    this.#refreshing ??= this.check().finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /** Asks once, now. */
  async check(): Promise<void> {
    try {
      const response = await fetch(`${this.#url}/health`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
      await response.body?.cancel();
      this.onAnswer();
    } catch (thrown) {
      this.#onLost(thrown);
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#probe);
  }

  #onLost(why: unknown): void {
    if (this.#lostAtMs === undefined) {
      this.#lostAtMs = Date.now();
      this.#probeAfter(FIRST_PROBE_MS);
    }
    const isStarting = !this.#wasReached && Date.now() - this.#startedAtMs < START_GRACE_MS;
    if (this.#isTold || isStarting) return;
    this.#isTold = true;
    log("the Worker is not reachable", { url: this.#url, why });
  }

  #probeAfter(delayMs: number): void {
    if (this.#isClosed) return;
    this.#probe = setTimeout(async () => {
      await this.check();
      if (this.#lostAtMs !== undefined) this.#probeAfter(Math.min(delayMs * 2, LAST_PROBE_MS));
    }, delayMs);
  }
}
