/**
 * `Stream-Cursor` (`PROTOCOL.md`, "Caching and collapsing"): a number that readers of the same moment share, so that a
 * CDN makes one request of theirs, and that moves on, so that none is given the same cached answer for ever.
 */
const INTERVAL_SECONDS = 20;
const EPOCH_MS = Date.UTC(2024, 9, 9);
const MAX_JITTER_SECONDS = 3600;
/** More digits are no number that we gave. */
const CURSOR = /^\d{1,12}$/;

/**
 * The cursor of an answer: the interval's number, and never one that the client had already.
 *
 * @param given what the client sent back; anything but a number counts as nothing
 * @param random in [0, 1), as from Math.random
 */
export function nextCollapseCursor(given: string | null, nowMs: number, random: number): string {
  const current = Math.floor((nowMs - EPOCH_MS) / (INTERVAL_SECONDS * 1000));
  const known = given !== null && CURSOR.test(given) ? Number(given) : -1;
  if (known < current) return String(current);
  const jitterSeconds = 1 + Math.floor(random * MAX_JITTER_SECONDS);
  return String(known + Math.ceil(jitterSeconds / INTERVAL_SECONDS));
}
