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

/**
 * Appends and what becomes of them, several in one text. Control characters part them: JSON has none that is not
 * escaped, and in the attributes of an event none is allowed (core/event.ts).
 */
const REQUEST_END = "\u0002";
const FIELD_END = "\u0001";
/** In the key of a duplicate a line feed is. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
const ENDS = /[\u0001\u0002]/;

interface AppendedEvent {
  readonly type: string;
  readonly json: string;
  readonly dedupeKey: string | undefined;
}

interface Append {
  readonly events: readonly AppendedEvent[];
  readonly rateKey: string | undefined;
  readonly producer?: { readonly id: string; readonly epoch: number; readonly sequence: number } | undefined;
}

/** @throws Error for an event that an operation should have refused */
export function encodeAppends(appends: readonly Append[]): string {
  let text = "";
  for (const { events, rateKey, producer } of appends) {
    if (text !== "") text += REQUEST_END;
    // Both may hold any character, so they are JSON.
    text += rateKey === undefined ? "" : JSON.stringify(rateKey);
    text += FIELD_END + (producer === undefined ? "" : JSON.stringify(producer));
    for (const { type, dedupeKey = "", json } of events) {
      if (ENDS.test(type) || ENDS.test(dedupeKey)) throw new Error("An attribute has a control character.");
      text += FIELD_END + type + FIELD_END + dedupeKey + FIELD_END + json;
    }
  }
  return text;
}

export function decodeAppends(text: string): Append[] {
  return text.split(REQUEST_END).map((part) => {
    const fields = part.split(FIELD_END);
    const [rateKey, producer] = fields;
    const events: AppendedEvent[] = [];
    for (let index = 2; index < fields.length; index += 3) {
      const dedupeKey = fields[index + 1] || undefined;
      events.push({ type: fields[index] ?? "", json: fields[index + 2] ?? "", dedupeKey });
    }
    return {
      events,
      rateKey: rateKey ? JSON.parse(rateKey) : undefined,
      producer: producer ? JSON.parse(producer) : undefined,
    };
  });
}

/** What became of each append: receipts ({@link encodeReceipts}), or why there are none. */
export function encodeOutcomes<F extends object>(outcomes: readonly (string | F)[]): string {
  return outcomes
    .map((outcome) => (typeof outcome === "string" ? outcome : `!${JSON.stringify(outcome)}`))
    .join(REQUEST_END);
}

export function decodeOutcomes<F extends object>(text: string): (string | F)[] {
  return text
    .split(REQUEST_END)
    .map((outcome) => (outcome.startsWith("!") ? (JSON.parse(outcome.slice(1)) as F) : outcome));
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

interface EventPage {
  readonly gap: { readonly requested: string; readonly resumedAt: string } | undefined;
  readonly events: readonly { readonly sequence: string; readonly type: string; readonly json: string }[];
  readonly next: string;
  readonly upToDate: boolean;
}

/** A page of a log. */
export function encodeEventPage({ gap, events, next, upToDate }: EventPage): string {
  let text = (upToDate ? "+" : "-") + next + FIELD_END + (gap === undefined ? "" : JSON.stringify(gap));
  for (const { sequence, type, json } of events) {
    text += FIELD_END + sequence + FIELD_END + type + FIELD_END + json;
  }
  return text;
}

export function decodeEventPage(text: string): EventPage {
  const fields = text.split(FIELD_END);
  const [position = "", gap] = fields;
  const events: { sequence: string; type: string; json: string }[] = [];
  for (let index = 2; index < fields.length; index += 3) {
    const [sequence = "", type = "", json = ""] = [fields[index], fields[index + 1], fields[index + 2]];
    events.push({ sequence, type, json });
  }
  return {
    gap: gap ? JSON.parse(gap) : undefined,
    events,
    next: position.slice(1),
    upToDate: position.startsWith("+"),
  };
}

interface RecordTexts {
  readonly records: readonly { readonly version: number; readonly body: string }[];
  readonly total: number | undefined;
  readonly nextCursor: string | undefined;
}

/** A page of records. */
export function encodeRecordPage({ records, total, nextCursor }: RecordTexts): string {
  let text = JSON.stringify({ total, nextCursor });
  for (const record of records) text += FIELD_END + encodeRecordText(record);
  return text;
}

export function decodeRecordPage(text: string): RecordTexts {
  const [head = "{}", ...records] = text.split(FIELD_END);
  const { total, nextCursor } = JSON.parse(head) as Partial<RecordTexts>;
  return { records: records.map(decodeRecordText), total, nextCursor };
}
