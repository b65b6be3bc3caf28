const KEPT = 600;

export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** The last few hundred latencies of a lane, in milliseconds. */
export class Latencies {
  readonly #ring = new Float64Array(KEPT);
  #count = 0;
  /** Since the last call of {@link takeRecent}. */
  #recent: number[] = [];
  last: number | undefined;

  add(latencyMs: number): void {
    this.#ring[this.#count % KEPT] = latencyMs;
    this.#count += 1;
    this.last = latencyMs;
    this.#recent.push(latencyMs);
  }

  get size(): number {
    return Math.min(this.#count, KEPT);
  }

  /** The oldest first. */
  list(): readonly number[] {
    const start = this.#count - this.size;
    return Array.from({ length: this.size }, (_, index) => this.#ring[(start + index) % KEPT] ?? 0);
  }

  quantiles(): Quantiles | undefined {
    if (this.size === 0) return undefined;
    return toQuantiles(this.#ring.slice(0, this.size).sort());
  }

  /** The median since the last call; undefined where nothing came. */
  takeRecent(): number | undefined {
    const recent = this.#recent.sort((a, b) => a - b);
    this.#recent = [];
    return recent[Math.floor(recent.length / 2)];
  }
}

/** By the nearest rank, of values in ascending order. */
export function toQuantiles(sorted: Float64Array): Quantiles {
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
