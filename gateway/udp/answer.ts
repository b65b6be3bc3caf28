/** A JSON object that goes out as one datagram. */
export type Answer = Readonly<Record<string, unknown>>;

/** What an answer can do without where it has to be small, the least needed first. */
const DISPENSABLE = ["details", "retryAfterMs", "message", "id", "duplicate", "code", "sequence", "ref"];

const UTF8 = new TextEncoder();

/**
 * The answer in at most so many bytes, with less in it where it must be: what is sent to an address that is not proved is
 * never larger than what came from there, or whoever writes another's address on a datagram would have us shout at them.
 *
 * @returns undefined where not even the least of it fits
 */
export function fitAnswer(answer: Answer, maxBytes: number): Uint8Array | undefined {
  let left = answer;
  for (const name of [undefined, ...DISPENSABLE]) {
    if (name !== undefined) {
      if (!(name in left)) continue;
      // Of a duplicate it must be told; that it is none is what one assumes.
      if (name === "duplicate" && left.duplicate === true) continue;
      const { [name]: _, ...rest } = left;
      left = rest;
    }
    const bytes = UTF8.encode(JSON.stringify(left));
    if (bytes.byteLength <= maxBytes) return bytes;
  }
  return undefined;
}
