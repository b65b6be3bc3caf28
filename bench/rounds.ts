import { cpuMsOf } from "./process-usage.ts";

/** One stretch of load on one side. */
export interface Sample {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly latenciesMs: readonly number[];
}

export interface Side {
  readonly name: string;
  /** The server's process, whose CPU is counted. */
  readonly pid: number;
  /** Puts load on this side for about so long. */
  run(durationMs: number): Promise<Sample>;
}

export interface SideResult {
  readonly name: string;
  readonly perSecond: number;
  /** CPU of the server for one operation; undefined where there is no /proc. */
  readonly cpuUs: number | undefined;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How much more the first side takes than another one; 1 is the same, 2 is twice. */
export interface Ratios {
  readonly against: string;
  readonly cpu: number | undefined;
  /** The other's throughput for one of ours. */
  readonly throughput: number;
  readonly p50: number;
  readonly p99: number;
}

export interface Comparison {
  readonly title: string;
  readonly sides: readonly SideResult[];
  readonly ratios: readonly Ratios[];
}

export interface RoundOptions {
  readonly rounds: number;
  readonly roundMs: number;
}

/**
 * Compares the first side with each of the others. In a round every side has its turn, so that what else the machine
 * does falls on all of them; a ratio is taken within its round, and the median of the rounds is what counts. One
 * round before the first warms up and is thrown away.
 */
export async function compare(
  title: string,
  sides: readonly Side[],
  { rounds, roundMs }: RoundOptions,
): Promise<Comparison> {
  const measured: SideResult[][] = [];
  for (let round = -1; round < rounds; round += 1) {
    const results: SideResult[] = [];
    // Every other round runs backwards, so that no side always follows the same one.
    const order = round % 2 === 0 ? sides : sides.toReversed();
    for (const side of order) results.push(await measure(side, roundMs));
    if (round % 2 !== 0) results.reverse();
    if (round >= 0) measured.push(results);
  }
  const columns = sides.map((_, index) => measured.flatMap((results) => results[index] ?? []));
  const ours = columns[0] ?? [];
  return {
    title,
    sides: columns.map(toMedians),
    ratios: columns.slice(1).map((theirs) => toRatios(ours, theirs)),
  };
}

async function measure(side: Side, roundMs: number): Promise<SideResult> {
  const before = cpuMsOf(side.pid);
  const { operations, elapsedMs, latenciesMs } = await side.run(roundMs);
  const after = cpuMsOf(side.pid);
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  return {
    name: side.name,
    perSecond: (operations * 1000) / elapsedMs,
    cpuUs: before === undefined || after === undefined ? undefined : ((after - before) * 1000) / operations,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
  };
}

function toMedians(rounds: readonly SideResult[]): SideResult {
  return {
    name: rounds[0]?.name ?? "",
    perSecond: median(rounds.map((round) => round.perSecond)),
    cpuUs: medianOfKnown(rounds.map((round) => round.cpuUs)),
    p50Ms: median(rounds.map((round) => round.p50Ms)),
    p99Ms: median(rounds.map((round) => round.p99Ms)),
  };
}

function toRatios(ours: readonly SideResult[], theirs: readonly SideResult[]): Ratios {
  const pairs = ours.flatMap((our, round) => {
    const their = theirs[round];
    return their === undefined ? [] : [{ our, their }];
  });
  return {
    against: theirs[0]?.name ?? "",
    cpu: medianOfKnown(
      pairs.map(({ our, their }) =>
        our.cpuUs === undefined || their.cpuUs === undefined ? undefined : our.cpuUs / their.cpuUs,
      ),
    ),
    throughput: median(pairs.map(({ our, their }) => their.perSecond / our.perSecond)),
    p50: median(pairs.map(({ our, their }) => our.p50Ms / their.p50Ms)),
    p99: median(pairs.map(({ our, their }) => our.p99Ms / their.p99Ms)),
  };
}

function medianOfKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : median(known);
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}

/** @param sorted in ascending order */
function quantile(sorted: readonly number[], part: number): number {
  const index = (sorted.length - 1) * part;
  const low = sorted[Math.floor(index)] ?? Number.NaN;
  const high = sorted[Math.ceil(index)] ?? Number.NaN;
  return low + (high - low) * (index - Math.floor(index));
}
