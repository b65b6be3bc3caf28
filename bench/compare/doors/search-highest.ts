import type { Bench } from "./bench.ts";
import { measurePaced } from "./bench.ts";
import { doorOf } from "./doors.ts";
import type { Highest, Paced } from "./figures.ts";

const FIRST_PER_SECOND = 1000;
const LEAST_PER_SECOND = 4;
/** Halvings of what lies between a rate that was sustained and one that was not. */
const REFINEMENTS = 2;
/** A generator that sends this much less than it should is what is measured. */
const SENT_PART = 0.93;
/** A reader that uses so much of a core is full. */
export const FULL_PART = 0.9;

/**
 * Finds the highest rate at which a door keeps up: everything arrives, and the p99 stays below a bound. Doubles the rate until it does
 * not, then halves what lies between.
 *
 * @throws Error where no rate was sustained
 */
export async function searchHighest(bench: Bench, door: string): Promise<Highest> {
  const { searchMs, searchMostPerSecond, searchP99Ms, searchDrainMs, pollIntervalMs } = bench.scale;
  const pollMs = doorOf(door).isPolled ? pollIntervalMs : 0;
  const boundMs = searchP99Ms + pollMs;
  let best: Paced | undefined;
  let limit = "";
  const isSustained = async (perSecond: number): Promise<boolean> => {
    bench.signal.throwIfAborted();
    let paced: Paced;
    try {
      paced = await measurePaced(bench, door, perSecond, searchMs, searchDrainMs + pollMs);
    } catch (thrown) {
      limit = thrown instanceof Error ? thrown.message : String(thrown);
      return false;
    }
    if (paced.perSecond < perSecond * SENT_PART) limit = "the publisher could send no more";
    else if (paced.latencies.p99Ms > boundMs) {
      limit = paced.clientBusy > FULL_PART ? "the client's core was full" : "arrivals fell behind";
    } else {
      best = paced;
      return true;
    }
    return false;
  };
  let good = 0;
  let bad: number | undefined;
  for (let perSecond = FIRST_PER_SECOND; perSecond <= searchMostPerSecond; perSecond *= 2) {
    if (!(await isSustained(perSecond))) {
      bad = perSecond;
      break;
    }
    good = perSecond;
  }
  // Not even the first: downwards, until one is.
  for (let perSecond = (bad ?? 0) / 2; good === 0 && perSecond >= LEAST_PER_SECOND; perSecond /= 2) {
    if (await isSustained(perSecond)) good = perSecond;
    else bad = perSecond;
  }
  for (let n = 0; n < REFINEMENTS && bad !== undefined && good > 0; n += 1) {
    const between = Math.round((good + bad) / 2);
    if (await isSustained(between)) good = between;
    else bad = between;
  }
  if (best === undefined) throw new Error(`No rate was sustained: ${limit}`);
  return { ...best, limit: bad === undefined ? "the search ended there" : limit };
}
