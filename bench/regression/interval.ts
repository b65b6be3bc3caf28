/** What the paired ratios of the rounds say: their median, and where the true one is. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /** The probability that the true median is within, whatever the ratios' distribution is; from 0 to 1. */
  readonly confidence: number;
  readonly rounds: number;
}

/**
 * The interval of the sign test: from the k-th smallest to the k-th largest ratio, with the greatest k whose confidence is
 * at least `wanted`. It assumes nothing of the noise but that the rounds are independent. With too few rounds it is the
 * whole range, and `confidence` is what that gives.
 */
export function toInterval(ratios: readonly number[], wanted: number): Interval {
  const sorted = ratios.toSorted((a, b) => a - b);
  const count = sorted.length;
  let cut = 0;
  for (let next = 1; next < count / 2; next += 1) if (confidenceOf(count, next) >= wanted) cut = next;
  return {
    median: medianOf(ratios),
    low: sorted[cut] ?? Number.NaN,
    high: sorted[count - 1 - cut] ?? Number.NaN,
    confidence: confidenceOf(count, cut),
    rounds: count,
  };
}

/** With `cut` values left out at each end: 1 - 2 P(Binomial(count, 1/2) <= cut). */
function confidenceOf(count: number, cut: number): number {
  let choose = 1;
  let below = 0;
  for (let successes = 0; successes <= cut; successes += 1) {
    below += choose;
    choose = (choose * (count - successes)) / (successes + 1);
  }
  return Math.max(0, 1 - (2 * below) / 2 ** count);
}

/** NaN where there are none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
}
