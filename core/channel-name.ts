import { EverywireError } from "./error.ts";

declare const channelNameBrand: unique symbol;
/** A name that {@link parseChannelName} has accepted: 1-8 segments joined by `/` (CONTRACT §1). */
export type ChannelName = string & { readonly [channelNameBrand]: true };

declare const globBrand: unique symbol;
/** A pattern over channel names: `*` is one segment, `**` any number of them, none included. */
export type ChannelGlob = string & { readonly [globBrand]: true };

const MAX_CHANNEL_SEGMENTS = 8;
const SEGMENT = /^[A-Za-z0-9._~:@-]{1,64}$/;

/**
 * Checks a channel name.
 *
 * @throws EverywireError `invalid_argument`. The segments `.` and `..` are refused although the alphabet allows
 *   them, because a URL parser on the way would silently turn the name into another one (RFC 3986 §5.2.4).
 */
export function parseChannelName(value: unknown): ChannelName {
  if (typeof value !== "string") throw new EverywireError("invalid_argument", "A channel name is a string.");
  const segments = value.split("/");
  if (segments.length > MAX_CHANNEL_SEGMENTS) {
    throw new EverywireError(
      "invalid_argument",
      `A channel name has at most ${MAX_CHANNEL_SEGMENTS} segments.`,
    );
  }
  for (const segment of segments) {
    if (!SEGMENT.test(segment) || segment === "." || segment === "..") {
      throw new EverywireError(
        "invalid_argument",
        "A channel name is 1-8 segments joined by '/', each of 1-64 of A-Z a-z 0-9 . _ ~ : @ - (and not '.' or '..').",
      );
    }
  }
  return value as ChannelName;
}

/** Checks a glob. @throws EverywireError `invalid_argument` */
export function parseChannelGlob(value: unknown): ChannelGlob {
  if (typeof value === "string") {
    const segments = value.split("/");
    const isGood = segments.every((segment) => segment === "*" || segment === "**" || SEGMENT.test(segment));
    if (isGood && segments.length <= MAX_CHANNEL_SEGMENTS) return value as ChannelGlob;
  }
  throw new EverywireError(
    "invalid_argument",
    "A channel pattern is a channel name in which '*' stands for one segment and '**' for any number.",
  );
}

/** Whether a name matches a glob. Linear in the name for every pattern: `**` is tried by position, once each. */
export function matchesGlob(name: string, glob: ChannelGlob): boolean {
  if (glob === "**") return true;
  return matchSegments(name.split("/"), glob.split("/"));
}

function matchSegments(name: readonly string[], pattern: readonly string[]): boolean {
  // reachable[i]: the pattern so far can consume exactly the first i segments of the name.
  let reachable = name.map(() => false);
  reachable.push(false);
  reachable[0] = true;
  for (const part of pattern) {
    const next = reachable.map(() => false);
    for (let index = 0; index < reachable.length; index += 1) {
      if (part === "**") {
        next[index] = reachable[index] === true || (index > 0 && next[index - 1] === true);
      } else if (index > 0 && reachable[index - 1] === true) {
        next[index] = part === "*" || part === name[index - 1];
      }
    }
    reachable = next;
  }
  return reachable[name.length] === true;
}

/** Whether there can be a name that matches both. */
export function canMatchBoth(first: ChannelGlob, second: ChannelGlob): boolean {
  return haveCommon(first.split("/"), second.split("/"));
}

function haveCommon(first: readonly string[], second: readonly string[]): boolean {
  const [one, ...restOne] = first;
  const [other, ...restOther] = second;
  if (one === undefined && other === undefined) return true;
  // `**` stands for nothing, or takes one segment of the other and goes on.
  if (one === "**") {
    return haveCommon(restOne, second) || (other !== undefined && haveCommon(first, restOther));
  }
  if (other === "**") return haveCommon(second, first);
  if (one === undefined || other === undefined) return false;
  return (one === "*" || other === "*" || one === other) && haveCommon(restOne, restOther);
}

/** The literal text that every match starts with: narrows a lookup to a range before the pattern is tried. */
export function globPrefix(glob: ChannelGlob): string {
  const star = glob.indexOf("*");
  if (star === -1) return glob;
  // `**` stands for no segment too, and then there is no `/` before it.
  return glob.slice(0, glob.startsWith("/**", star - 1) ? star - 1 : star);
}
