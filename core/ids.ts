/** Ids are minted here and nowhere else, so that their form can be changed in one place. */

const TIME_WIDTH = 9;
const BASE = 36;
/** Two digits of base 36, by their value: looking three of them up costs a fraction of writing out a number. */
const PAIRS = Array.from({ length: BASE ** 2 }, (_, value) => value.toString(BASE).padStart(2, "0"));
/** Asking for random numbers costs the same for two as for hundreds, so they are taken from a stock. */
const STOCK = new Uint32Array(256);
let stockLeft = 0;

/** Ids are often made within one millisecond, or two of them for one request. */
let lastMs = -1;
let lastTime = "";

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
  if (nowMs !== lastMs) {
    lastMs = nowMs;
    lastTime = nowMs.toString(BASE).padStart(TIME_WIDTH, "0");
  }
  return `${kind}_${lastTime}${randomHalf()}${randomHalf()}`;
}

/** 6 characters from 32 random bits; that some come up twice as often as others costs less than half a bit. */
function randomHalf(): string {
  if (stockLeft === 0) {
    crypto.getRandomValues(STOCK);
    stockLeft = STOCK.length;
  }
  stockLeft -= 1;
  return encodeHalf(STOCK[stockLeft] ?? 0);
}

/** The last 6 digits of a number of 32 bits in base 36. */
export function encodeHalf(random: number): string {
  const high = Math.floor(random / PAIRS.length);
  const higher = Math.floor(high / PAIRS.length);
  return `${PAIRS[higher % PAIRS.length]}${PAIRS[high % PAIRS.length]}${PAIRS[random % PAIRS.length]}`;
}
