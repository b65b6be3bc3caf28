/**
 * What crosses from a Durable Object to the Worker on the hottest paths, as one string. An object is serialized
 * property by property and built again on the other side, which made up 5 to 15 percent of a read or a publish;
 * a string is copied. Both ends are deployed together, so this needs no version.
 */

/** A stored record: its version, a space, its JSON. */
export function encodeRecordText({
  version,
  body,
}: {
  readonly version: number;
  readonly body: string;
}): string {
  return `${version} ${body}`;
}

export function decodeRecordText(text: string): { readonly version: number; readonly body: string } {
  const space = text.indexOf(" ");
  return { version: Number(text.slice(0, space)), body: text.slice(space + 1) };
}

/** What a publisher is told of each event: `+` where it was new, `=` where it was known, then its sequence. */
export function encodeReceipts(
  receipts: readonly { readonly sequence: string; readonly duplicate: boolean }[],
): string {
  return receipts.map(({ sequence, duplicate }) => (duplicate ? "=" : "+") + sequence).join(" ");
}

export function decodeReceipts(
  text: string,
): readonly { readonly sequence: string; readonly duplicate: boolean }[] {
  return text.split(" ").map((part) => ({ sequence: part.slice(1), duplicate: part.startsWith("=") }));
}
