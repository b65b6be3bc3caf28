/** Ids are minted here and nowhere else, so that their form can be changed in one place. */

const TIME_WIDTH = 9;
const RANDOM_HALF_WIDTH = 6;
const RANDOM_HALF_VALUES = 36 ** RANDOM_HALF_WIDTH;
/** Asking for random numbers costs the same for two as for hundreds, so they are taken from a stock. */
const STOCK = new Uint32Array(256);
let stockLeft = 0;

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
  const time = nowMs.toString(36).padStart(TIME_WIDTH, "0");
  return `${kind}_${time}${randomHalf()}${randomHalf()}`;
}

/** 6 characters from 32 random bits; that some come up twice as often as others costs less than half a bit. */
function randomHalf(): string {
  if (stockLeft === 0) {
    crypto.getRandomValues(STOCK);
    stockLeft = STOCK.length;
  }
  stockLeft -= 1;
  const random = STOCK[stockLeft] ?? 0;
  return (random % RANDOM_HALF_VALUES).toString(36).padStart(RANDOM_HALF_WIDTH, "0");
}
