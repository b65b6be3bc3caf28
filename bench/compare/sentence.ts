/** A number with its unit, or a name that has digits in it: what a sentence may hold beside words. */
export interface Said {
  readonly text: string;
}

/** Rounds to what can be read: three digits that count, whole numbers from a hundred on, thousands apart. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 100) return Math.round(value).toLocaleString("en-US");
  const digits = size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(digits)));
}

/** A figure with its unit; undefined where there is no figure. */
export function amount(value: number | undefined | null, unit: string): Said | undefined {
  if (value === undefined || value === null || !Number.isFinite(value)) return undefined;
  return { text: `${formatNumber(value)} ${unit}`.trim() };
}

/** A name that has digits in it, such as that of a protocol: no figure. */
export function named(name: string): Said {
  return { text: name };
}

/**
 * Writes a sentence. Its own words hold no digit: every number in it has to be a value, and so comes from a figure.
 * Undefined where a value is, so that no sentence tells what was not measured.
 *
 * @throws Error where the words, or a value that is a plain text, have a digit
 * @example sentence`${"SSE"} brings ${amount(figure.perSecond, "events/s")}.`
 */
export function sentence(
  words: TemplateStringsArray,
  ...values: readonly (Said | string | number | undefined)[]
): string | undefined {
  let text = words[0] ?? "";
  for (const [index, value] of values.entries()) {
    if (value === undefined || (typeof value === "number" && !Number.isFinite(value))) return undefined;
    if (typeof value === "string") assertNoDigit(value);
    text += typeof value === "object" ? value.text : typeof value === "number" ? formatNumber(value) : value;
    text += words[index + 1] ?? "";
  }
  for (const word of words) assertNoDigit(word);
  return text;
}

/** Those sentences that could be written. */
export function written(...sentences: readonly (string | undefined)[]): readonly string[] {
  return sentences.filter((one) => one !== undefined);
}

function assertNoDigit(text: string): void {
  if (/\d/.test(text)) throw new Error(`A number in a sentence has to come from a figure: '${text}'.`);
}
