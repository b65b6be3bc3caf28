/** Ids are minted here and nowhere else, so that their form can be changed in one place. */

const TIME_WIDTH = 9;
const PAIR_VALUES = 36 ** 2;
const RANDOM_HALF_VALUES = PAIR_VALUES ** 3;
/** All pairs of base-36 digits: looked up, since the runtime takes long to write a large number in base 36. */
const PAIRS = Array.from({ length: PAIR_VALUES }, (_, value) => value.toString(36).padStart(2, "0"));
/** Asking for random numbers costs the same for two as for hundreds, so they are taken from a stock. */
const STOCK = new Uint32Array(256);
let stockLeft = 0;
/** The time that was written last, and how. In an isolate it stands still until the next message comes in. */
let writtenMs = Number.NaN;
let written = "";

export type IdKind =
  | "evt"
  | "usr"
  | "pst"
  | "cmt"
  | "prd"
  | "ord"
  | "req"
  | "mbr"
  | "tok"
  | "job"
  | "lse"
  | "whe";

/**
 * A new id such as `evt_0mi9x2k4q8f3k2m1x0a7b`: its kind, 9 characters of time so that ids made later sort later,
 * and 12 random ones (62 bits).
 */
export function createId(kind: IdKind, nowMs: number = Date.now()): string {
  if (nowMs !== writtenMs) {
    writtenMs = nowMs;
    written = nowMs.toString(36).padStart(TIME_WIDTH, "0");
  }
  return `${kind}_${written}${randomHalf()}${randomHalf()}`;
}

/** 6 characters from 32 random bits; that some come up twice as often as others costs less than half a bit. */
function randomHalf(): string {
  if (stockLeft === 0) {
    crypto.getRandomValues(STOCK);
    stockLeft = STOCK.length;
  }
  stockLeft -= 1;
  const random = (STOCK[stockLeft] ?? 0) % RANDOM_HALF_VALUES;
  const low = random % PAIR_VALUES;
  const rest = (random - low) / PAIR_VALUES;
  const middle = rest % PAIR_VALUES;
  return `${PAIRS[(rest - middle) / PAIR_VALUES]}${PAIRS[middle]}${PAIRS[low]}`;
}
