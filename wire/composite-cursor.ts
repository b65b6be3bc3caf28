/**
 * The cursor of a reader of several channels: one part for each channel, in the order of the channels' names, joined
 * by `.`, which no cursor can contain. It is as opaque to a client as a plain cursor, and with one channel it is one.
 */
const SEPARATOR = ".";

export function encodeCompositeCursor(parts: readonly string[]): string {
  return parts.join(SEPARATOR);
}

/** Splits a composite cursor; undefined where it has not exactly `count` parts, or one of them is empty. */
export function decodeCompositeCursor(text: string, count: number): readonly string[] | undefined {
  // Split stops one past what is wanted, so that a long header of dots costs no more than a good one.
  const parts = text.split(SEPARATOR, count + 1);
  return parts.length === count && !parts.includes("") ? parts : undefined;
}
