import { within } from "../deadline.ts";
import { cpuMsOfAll, machineCpuMs, treeOf } from "../process-tree.ts";
import type { Sample } from "../rounds.ts";

/** One of those that are compared on the same work. */
export interface Contender {
  readonly name: string;
  /** The processes whose CPU is counted, with all that they started. */
  processIds(): readonly number[];
  /** Puts load on it for about so long. */
  run(durationMs: number): Promise<Sample>;
  /** Ends what is still going on after it failed, which would disturb the others. */
  abandon?(): Promise<void>;
}

/** How one did; plain JSON. */
export interface Standing {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** Why it has no more rounds, where something failed. */
  readonly failure?: string;
}

export interface Round {
  readonly perSecond: number;
  /** CPU of the server's processes for one operation, in microseconds; left out where there is no /proc. */
  readonly cpuUs?: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How much of a core this process used, which is the client: at 1 the rate may be its own. */
  readonly clientCores: number;
  /** How many cores everything else on this machine used meanwhile; left out where there is no /proc. */
  readonly otherCores?: number;
}

export interface Interleaving {
  readonly rounds: number;
  readonly roundMs: number;
  /** A shorter round before the first, which is thrown away; none where it is zero. */
  readonly warmUpMs: number;
  readonly signal: AbortSignal;
  /** Told after each turn, how many of all are over. */
  readonly onTurn?: (part: number, name: string) => void;
}

/** Beyond its own time, what a turn may take to come to its end. */
const GRACE_MS = 7000;

/**
 * Puts the same work on each in turn, round by round, so that what else the machine does falls on all of them. One that
 * fails has the reason in its place, and the others go on.
 */
export async function interleave(
  contenders: readonly Contender[],
  { rounds, roundMs, warmUpMs, signal, onTurn }: Interleaving,
): Promise<readonly Standing[]> {
  const results = contenders.map((contender) => ({
    contender,
    rounds: [] as Round[],
    failure: undefined as string | undefined,
  }));
  const first = warmUpMs > 0 ? -1 : 0;
  const turns = (rounds - first) * contenders.length;
  let over = 0;
  for (let round = first; round < rounds; round += 1) {
    // Every other round runs backwards, so that no one always follows the same one.
    for (const result of round % 2 === 0 ? results : results.toReversed()) {
      signal.throwIfAborted();
      over += 1;
      onTurn?.(over / turns, result.contender.name);
      if (result.failure !== undefined) continue;
      const { contender } = result;
      try {
        const measured = await measure(contender, round < 0 ? warmUpMs : roundMs);
        if (round >= 0) result.rounds.push(measured);
      } catch (thrown) {
        result.failure = thrown instanceof Error ? thrown.message : String(thrown);
        await contender.abandon?.();
      }
    }
  }
  return results.map(({ contender, rounds: measured, failure }) => ({
    name: contender.name,
    rounds: measured,
    ...(failure === undefined ? {} : { failure }),
  }));
}

async function measure(contender: Contender, durationMs: number): Promise<Round> {
  const pids = treeOf(contender.processIds());
  const before = cpuMsOfAll(pids);
  const clientBefore = process.cpuUsage();
  const machineBefore = machineCpuMs();
  const sample = await within(contender.name, durationMs + GRACE_MS, contender.run(durationMs));
  const after = cpuMsOfAll(pids);
  const client = process.cpuUsage(clientBefore);
  const machineAfter = machineCpuMs();
  const { operations, elapsedMs } = sample;
  if (operations === 0) throw new Error("Not one operation came to its end.");
  const sorted = Float64Array.from(sample.latenciesMs).sort();
  const clientMs = (client.user + client.system) / 1000;
  const isKnown =
    before !== undefined && after !== undefined && machineBefore !== undefined && machineAfter !== undefined;
  const otherMs = isKnown ? machineAfter - machineBefore - (after - before) - clientMs : undefined;
  return {
    perSecond: (operations * 1000) / elapsedMs,
    ...(before === undefined || after === undefined ? {} : { cpuUs: ((after - before) * 1000) / operations }),
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    clientCores: clientMs / elapsedMs,
    ...(otherMs === undefined ? {} : { otherCores: Math.max(0, otherMs) / elapsedMs }),
  };
}

/** The median of what was measured in the rounds; undefined where nothing was. */
export function medianOf(rounds: readonly Round[], field: keyof Round): number | undefined {
  const values = rounds.map((round) => round[field]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : quantile(Float64Array.from(values).sort(), 0.5);
}

/** How many cores other programs used while all of these were measured: the median of all rounds. */
export function otherCoresOf(standings: readonly Standing[]): number | undefined {
  return medianOf(
    standings.flatMap(({ rounds }) => rounds),
    "otherCores",
  );
}

/** How many times theirs ours is: the median over the rounds of the ratio within each. */
export function ratioOf(ours: Standing, theirs: Standing, field: keyof Round): number | undefined {
  const ratios = ours.rounds.flatMap((our, index) => {
    const [mine, other] = [our[field], theirs.rounds[index]?.[field]];
    return mine === undefined || !other ? [] : [mine / other];
  });
  return ratios.length === 0 ? undefined : quantile(Float64Array.from(ratios).sort(), 0.5);
}

/** @param sorted in ascending order */
function quantile(sorted: Float64Array, part: number): number {
  const index = (sorted.length - 1) * part;
  const low = sorted[Math.floor(index)] ?? 0;
  const high = sorted[Math.ceil(index)] ?? 0;
  return low + (high - low) * (index - Math.floor(index));
}
