import type { Interval } from "./interval.ts";
import { medianOf, toInterval } from "./interval.ts";

export type Unit = "us of CPU" | "per second" | "KiB";

/** One figure of one path, of the tree and of what it is measured against; plain JSON. */
export interface Finding {
  readonly path: string;
  readonly title: string;
  readonly unit: Unit;
  /** Medians over the rounds. */
  readonly ours: number;
  readonly theirs?: number;
  readonly bare?: number;
  /** Of ours to theirs, round by round. */
  readonly ratio?: Interval;
  readonly verdict?: Verdict;
}

export type Verdict = "better" | "worse" | "same";

/** How sure a change has to be to be named. With two dozen figures a run, 95% would name one of them for nothing. */
export const CONFIDENCE = 0.99;
/** How large a change has to be to be named: less is what two starts of the same commit differ by. */
export const LEAST_CHANGE: Readonly<Record<Unit, number>> = {
  "us of CPU": 0.05,
  "per second": 0.08,
  KiB: 0.05,
};

export interface FigureSamples {
  readonly path: string;
  readonly title: string;
  readonly unit: Unit;
  readonly ours: readonly number[];
  /** Those of the same rounds as ours; empty where there is nothing to compare with. */
  readonly theirs: readonly number[];
  readonly bare: readonly number[];
}

/** Says what the samples of a figure show. Undefined where there are none of ours. */
export function toFinding({ path, title, unit, ours, theirs, bare }: FigureSamples): Finding | undefined {
  if (ours.length === 0) return undefined;
  const finding = {
    path,
    title,
    unit,
    ours: medianOf(ours),
    ...(bare.length === 0 ? {} : { bare: medianOf(bare) }),
  };
  const ratios = ours.flatMap((our, round) => {
    const their = theirs[round];
    return their === undefined ? [] : [our / their];
  });
  if (ratios.length === 0) return finding;
  const ratio = toInterval(ratios, CONFIDENCE);
  return { ...finding, theirs: medianOf(theirs), ratio, verdict: toVerdict(ratio, unit) };
}

/** A change is one where the interval leaves 1 out, and the median is further from 1 than {@link LEAST_CHANGE}. */
export function toVerdict({ median, low, high }: Interval, unit: Unit): Verdict {
  const isCertain = low > 1 || high < 1;
  // On a scale where twice as much and half as much are equally far.
  if (!isCertain || Math.abs(Math.log(median)) < Math.log(1 + LEAST_CHANGE[unit])) return "same";
  return median > 1 === (unit === "per second") ? "better" : "worse";
}
