/** Sources that are remembered; beyond it the one that was silent longest is forgotten, and begins anew. */
const MAX_SOURCES = 4096;

interface Bucket {
  left: number;
  atMs: number;
}

/** How many datagrams a source may send (a token bucket that holds one second's). */
export class SourceRate {
  readonly #perSecond: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** Whether one more may come now. */
  take(source: string, nowMs: number): boolean {
    const bucket = this.#buckets.get(source) ?? { left: this.#perSecond, atMs: nowMs };
    // Again at the end: the first is who was silent longest.
    this.#buckets.delete(source);
    this.#buckets.set(source, bucket);
    for (const [oldest] of this.#buckets) {
      if (this.#buckets.size <= MAX_SOURCES) break;
      this.#buckets.delete(oldest);
    }
    const gained = ((nowMs - bucket.atMs) / 1000) * this.#perSecond;
    bucket.left = Math.min(this.#perSecond, bucket.left + Math.max(0, gained));
    bucket.atMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}
