import { EverywireError } from "../../typescript/error.ts";
import { follow } from "../doors/door.ts";
import type { DoorEntry } from "../doors.ts";
import type { Target } from "../target.ts";
import type { Relay } from "./relay.ts";
import { startRelay } from "./relay.ts";
import { percentile } from "./statistics.ts";

export type LaneState = "connecting" | "live" | "lost" | "failed";

/** What is sent: which run it belongs to, and the number by which its arrival is known. */
export interface RaceData {
  readonly run: string;
  readonly n: number;
  readonly padding: string;
}

/** Who knows when a number was sent; times are of `performance.now()`. */
export interface Starter {
  readonly run: string;
  readonly channel: string;
  sentAtMs(n: number): number | undefined;
}

export interface LaneOptions {
  readonly isCounted: boolean;
  readonly signal: AbortSignal;
  /** Called at each arrival. */
  onArrival?(n: number): void;
}

/** What came over one lane. */
export interface LaneReport {
  readonly door: string;
  readonly state: LaneState;
  readonly error?: string;
  readonly received: number;
  readonly repeats: number;
  readonly connectMs: number | null;
  readonly lastMs: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly bytesPerEvent: number | null;
}

/** One door in a race: reads the channel over its wire, and notes when each event came. */
export class Lane {
  readonly door: DoorEntry;
  state: LaneState = "connecting";
  error: EverywireError | undefined;
  readonly #starter: Starter;
  readonly #options: LaneOptions;
  readonly #latenciesMs: number[] = [];
  readonly #seen = new Set<number>();
  #relay: Relay | undefined;
  #repeats = 0;
  #lastMs: number | undefined;
  #connectMs: number | undefined;
  /** Bytes before the first event: they are the connection's, and no event's. */
  #bytesBefore = 0;

  constructor(door: DoorEntry, starter: Starter, options: LaneOptions) {
    this.door = door;
    this.#starter = starter;
    this.#options = options;
  }

  get received(): number {
    return this.#seen.size;
  }

  /** How long each event was on its way, in the order of arrival. */
  get latenciesMs(): readonly number[] {
    return this.#latenciesMs;
  }

  /** Resolves when the lane is live, or has failed. */
  async open(target: Target, timeoutMs: number): Promise<void> {
    const read = await this.door.load();
    this.#relay = this.#options.isCounted ? await startRelay(target, this.door) : undefined;
    const started = performance.now();
    const settled = Promise.withResolvers<void>();
    const { channel } = this.#starter;
    const events = follow(read, this.#relay?.target ?? target, {
      channel,
      after: "latest",
      signal: this.#options.signal,
      onLive: () => {
        this.#connectMs ??= performance.now() - started;
        this.state = "live";
        // What opening it took is through by the time the first event is sent.
        this.#bytesBefore ||= this.#relay?.bytes() ?? 0;
        settled.resolve();
      },
      onLost: () => {
        this.state = "lost";
      },
    });
    const run = async () => {
      for await (const event of events) this.#onData(event.data);
    };
    run().catch((thrown: unknown) => {
      if (this.#options.signal.aborted) return;
      this.#fail(EverywireError.from(thrown));
      settled.resolve();
    });
    const timer = setTimeout(() => {
      this.#fail(new EverywireError("deadline_exceeded", `It was not live after ${timeoutMs / 1000} s.`));
      settled.resolve();
    }, timeoutMs);
    await settled.promise;
    clearTimeout(timer);
  }

  /** Forgets what came so far, and counts from here. */
  reset(): void {
    this.#latenciesMs.length = 0;
    this.#bytesBefore = this.#relay?.bytes() ?? 0;
    this.#seen.clear();
    this.#repeats = 0;
  }

  stop(): void {
    this.#relay?.stop();
  }

  report(): LaneReport {
    const bytes = this.#relay === undefined ? undefined : this.#relay.bytes() - this.#bytesBefore;
    return {
      door: this.door.name,
      state: this.state,
      ...(this.error === undefined ? {} : { error: this.error.message }),
      received: this.received,
      repeats: this.#repeats,
      connectMs: round(this.#connectMs),
      lastMs: round(this.#lastMs),
      p50Ms: round(percentile(this.#latenciesMs, 50)),
      p99Ms: round(percentile(this.#latenciesMs, 99)),
      bytesPerEvent: bytes === undefined || this.received === 0 ? null : Math.round(bytes / this.received),
    };
  }

  #fail(error: EverywireError): void {
    this.state = "failed";
    this.error ??= error;
  }

  #onData(data: unknown): void {
    const now = performance.now();
    const { run, n } = (data ?? {}) as Partial<RaceData>;
    if (run !== this.#starter.run || n === undefined) return;
    if (this.#seen.has(n)) {
      this.#repeats += 1;
      return;
    }
    const sentAtMs = this.#starter.sentAtMs(n);
    this.#seen.add(n);
    if (sentAtMs !== undefined) {
      this.#lastMs = now - sentAtMs;
      this.#latenciesMs.push(this.#lastMs);
    }
    this.#options.onArrival?.(n);
  }
}

/** To hundredths. */
export function round(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms * 100) / 100;
}
