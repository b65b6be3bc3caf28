/** How long something took, many times over. */
export interface Latencies {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Undefined where there were too few to have one in a thousand. */
  readonly p999Ms: number | undefined;
  readonly maxMs: number;
}

/** From how many values on one in a thousand is a value that was seen, and not made up between two. */
const MIN_FOR_P999 = 1000;

/** Sums up times; undefined where there are none. */
export function toLatencies(timesMs: readonly number[]): Latencies | undefined {
  if (timesMs.length === 0) return undefined;
  const sorted = timesMs.toSorted((a, b) => a - b);
  return {
    count: sorted.length,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    p999Ms: sorted.length < MIN_FOR_P999 ? undefined : quantile(sorted, 0.999),
    maxMs: sorted.at(-1) as number,
  };
}

/**
 * The value below which the given part of them is, between two of them in proportion.
 *
 * @param sorted in ascending order, and not empty
 * @param part from 0 to 1
 */
export function quantile(sorted: readonly number[], part: number): number {
  const index = (sorted.length - 1) * part;
  const low = sorted[Math.floor(index)] ?? Number.NaN;
  const high = sorted[Math.ceil(index)] ?? Number.NaN;
  return low + (high - low) * (index - Math.floor(index));
}
