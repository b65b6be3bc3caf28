/** Ids are minted here and nowhere else, so that their form can be changed in one place. */

const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 12;
const TIME_WIDTH = 9;

export type IdKind = "evt" | "usr" | "pst" | "cmt" | "prd" | "ord" | "req" | "mbr" | "tok" | "job";

/**
 * A new id such as `evt_0mi9x2k4q8f3k2m1x0a7b`: its kind, 9 characters of time so that ids made later sort later,
 * and 12 random ones (62 bits).
 */
export function createId(kind: IdKind, nowMs: number = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(RANDOM_LENGTH));
  let random = "";
  // 256 is not a multiple of 36; the bias is 4 in 256 for some letters and does not matter for uniqueness.
  for (const byte of bytes) random += ALPHABET[byte % ALPHABET.length];
  return `${kind}_${nowMs.toString(36).padStart(TIME_WIDTH, "0")}${random}`;
}
