/**
 * What passes between a channel and the relays that hold sockets for it (`durable-objects/relay.ts`). Both ends are
 * deployed together, so this needs no version.
 */

/** How a channel answers an upgrade that a relay shall take: "Misdirected Request" (RFC 9110 §15.5.20), with {@link RelayReferral}. */
export const SEE_RELAY_STATUS = 421;

export interface RelayReferral {
  /** The relay's number. */
  readonly relay: number;
}

/** The name of a relay's object: no channel has a space in its name. */
export function toRelayName(channel: string, relay: number): string {
  return `${channel} ${relay}`;
}

export function parseRelayName(name: string): { readonly channel: string; readonly relay: number } {
  const space = name.indexOf(" ");
  return { channel: name.slice(0, space), relay: Number(name.slice(space + 1)) };
}

/** Where the readers of a channel stand. */
export interface FeedPlace {
  /** How many lives of the channel have ended: what was there before is over for all who read it. */
  readonly life: number;
  /** The cursor of the newest event that they were sent. */
  readonly at: string;
  /** Whether nothing more will ever come. */
  readonly isClosed: boolean;
}

/** What a channel passes to a relay, in the order in which it happened. */
export type RelayItem =
  | { readonly kind: "event"; readonly sequence: string; readonly type: string; readonly json: string }
  /** `except` is the connection that it came from, where that is one of the relay's own. */
  | {
      readonly kind: "ephemeral";
      readonly type: string;
      readonly json: string;
      readonly except: number | undefined;
    }
  /** The channel was deleted; `at` is where its next life begins. */
  | { readonly kind: "end"; readonly at: string }
  | { readonly kind: "close" };

/** Control characters part fields: JSON has none that is not escaped, and a type has none. */
const FIELD_END = "\u0001";

/** An item as text, which is the same for all relays. */
export function encodeRelayItem(item: RelayItem): string {
  switch (item.kind) {
    case "event":
      return `e${item.sequence}${FIELD_END}${item.type}${FIELD_END}${item.json}`;
    case "ephemeral":
      return `n${item.except ?? ""}${FIELD_END}${item.type}${FIELD_END}${item.json}`;
    case "end":
      return `!${item.at}${FIELD_END}${FIELD_END}`;
    case "close":
      return `.${FIELD_END}${FIELD_END}`;
  }
}

/** A call: where readers stood before it, what came then ({@link encodeRelayItem}), and whether all members are to be told. */
export function encodeRelayNews(
  { life, at, isClosed }: FeedPlace,
  items: readonly string[],
  asksMembers: boolean,
): string {
  return [`${life} ${at} ${isClosed ? 1 : 0} ${asksMembers ? 1 : 0}`, ...items].join(FIELD_END);
}

/** @throws Error where it is none */
export function decodeRelayNews(text: string): {
  readonly before: FeedPlace;
  readonly items: readonly RelayItem[];
  readonly asksMembers: boolean;
} {
  const fields = text.split(FIELD_END);
  const [life = "", at = "", isClosed, asksMembers] = (fields[0] ?? "").split(" ");
  const items: RelayItem[] = [];
  for (let index = 1; index < fields.length; index += 3) {
    const [head = "", type = "", json = ""] = [fields[index], fields[index + 1], fields[index + 2]];
    items.push(toItem(head, type, json));
  }
  return {
    before: { life: Number(life), at, isClosed: isClosed === "1" },
    items,
    asksMembers: asksMembers === "1",
  };
}

function toItem(head: string, type: string, json: string): RelayItem {
  const rest = head.slice(1);
  switch (head[0]) {
    case "e":
      return { kind: "event", sequence: rest, type, json };
    case "n":
      return { kind: "ephemeral", type, json, except: rest === "" ? undefined : Number(rest) };
    case "!":
      return { kind: "end", at: rest };
    case ".":
      return { kind: "close" };
    default:
      throw new Error("Not what a channel tells a relay.");
  }
}
