/** Numbers as sentences have them: as many digits as a measurement of this kind is good for. */

/** `1,230`, `45.6`, `0.78`: three digits that count. */
export function quantity(value: number): string {
  if (value >= 1000) return Math.round(Number(value.toPrecision(3))).toLocaleString("en");
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** `12.3 times`, `0.21 times`, `0.0045 times`. */
export function times(ratio: number): string {
  if (ratio >= 100) return `${ratio.toFixed(0)} times`;
  if (ratio >= 10) return `${ratio.toFixed(1)} times`;
  return `${ratio >= 0.1 || ratio === 0 ? ratio.toFixed(2) : ratio.toPrecision(2)} times`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join();
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;
}

/** A quiet machine has some of it too: its own housekeeping. */
const QUIET_CORES = 0.15;

/** Says how much of the machine other programs took during a run. @param otherCores undefined where that is not known */
export function toDisturbance(otherCores: number | undefined): readonly string[] {
  if (otherCores === undefined) return [];
  const cores = otherCores.toFixed(2);
  return otherCores <= QUIET_CORES
    ? [`The machine was quiet: other programs used ${cores} of a core at the median.`]
    : [
        `Other programs used ${cores} cores at the median while this was measured, so that rates are lower and latencies higher than on a quiet machine; CPU for an operation suffers less.`,
      ];
}
