import type { ChannelGlob, ChannelName } from "./channel-name.ts";
import { EverywireError } from "./error.ts";

/**
 * MQTT topics as channel names, and back (MQTT 5 §4.7). A topic's grammar is wider than a channel's: any UTF-8, empty
 * levels, any number of them. So:
 *
 * - a level that could be a segment of a channel, and does not start with `~~`, is that segment;
 * - any other level is `~~` and its text, in which every UTF-8 byte outside of `A-Z a-z 0-9 . _ -` is `~xx`;
 * - from a topic of more than 8 levels, those after the 7th are one such text, joined by `/`;
 * - an escaped text that a segment has no room for is `~~@` and its SHA-256. From such a channel the topic cannot be
 *   read back, so it is kept beside it.
 */
const MAX_LEVELS = 8;
const MAX_TOPIC_BYTES = 65_535;
const MAX_SEGMENT_LENGTH = 64;
const PLAIN = /^[A-Za-z0-9._~:@-]{1,64}$/;
const ESCAPE = "~~";
const HASHED = "~~@";
const UNESCAPED = /[^A-Za-z0-9._-]/gu;
const ESCAPED = /^(?:[A-Za-z0-9._-]|~[0-9a-f]{2})*$/;

const UTF8 = new TextEncoder();
const STRICT_UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The prefix of topics that only the server publishes to. */
const SERVER_TOPICS = "$SYS";
const SHARE_PREFIX = "$share";

/** A topic filter, read (MQTT 5 §4.7.1, §4.8.2). */
export interface TopicFilter {
  /** As the client wrote it, `$share/...` included: what UNSUBSCRIBE names. */
  readonly text: string;
  /** The part that topics are matched with. */
  readonly filter: string;
  /** The name of the group, for a shared subscription. */
  readonly share: string | undefined;
  readonly hasWildcard: boolean;
}

/**
 * Checks a topic that is published to.
 *
 * @throws EverywireError `invalid_argument`; `permission_denied` for the server's own
 */
export function assertTopicName(topic: string): void {
  assertTopicText(topic);
  if (topic.includes("+") || topic.includes("#")) throw invalid("A topic name has no wildcards.");
  const [first] = topic.split("/", 1);
  if (first === SERVER_TOPICS || first === SHARE_PREFIX) {
    throw new EverywireError("permission_denied", `Topics under '${first}' are the server's own.`);
  }
}

/** Reads a topic filter. @throws EverywireError `invalid_argument` */
export function parseTopicFilter(text: string): TopicFilter {
  assertTopicText(text);
  const parts = text.split("/");
  if (parts[0] !== SHARE_PREFIX) {
    return { text, filter: text, share: undefined, hasWildcard: assertLevels(parts) };
  }
  const [, share = "", ...levels] = parts;
  if (share === "" || /[+#]/.test(share) || levels.length === 0 || levels.join("/") === "") {
    throw invalid("A shared subscription is '$share/{group}/{filter}'.");
  }
  return { text, filter: levels.join("/"), share, hasWildcard: assertLevels(levels) };
}

/** Gives whether there is a wildcard. */
function assertLevels(levels: readonly string[]): boolean {
  let hasWildcard = false;
  for (const [index, level] of levels.entries()) {
    if (!/[+#]/.test(level)) continue;
    hasWildcard = true;
    const isGood = level === "+" || (level === "#" && index === levels.length - 1);
    if (!isGood) throw invalid("'+' is a whole level, and '#' the whole last one.");
  }
  return hasWildcard;
}

function assertTopicText(text: string): void {
  if (text === "") throw invalid("A topic has at least one character.");
  if (text.includes("\u0000")) throw invalid("A topic has no null character.");
  if (text.length * 3 > MAX_TOPIC_BYTES && UTF8.encode(text).byteLength > MAX_TOPIC_BYTES) {
    throw invalid(`A topic has at most ${MAX_TOPIC_BYTES} bytes.`);
  }
}

/** Whether a filter matches a topic (MQTT 5 §4.7.1, and §4.7.2 for topics that start with `$`). */
export function matchesTopicFilter(topic: string, filter: string): boolean {
  if (filter === topic) return true;
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const names = topic.split("/");
  const levels = filter.split("/");
  for (const [index, level] of levels.entries()) {
    if (level === "#") return true;
    const name = names[index];
    if (name === undefined || (level !== "+" && level !== name)) return false;
  }
  return names.length === levels.length;
}

/** The channel of a topic. The topic was checked before. */
export function toChannelName(topic: string): ChannelName | Promise<ChannelName> {
  return join(toSegments(topic.split("/"), false)) as ChannelName | Promise<ChannelName>;
}

/**
 * The channels that a filter can match: all of them, and others where the filter has more levels than a channel has
 * segments. What comes from those is matched again by topic.
 */
export function toChannelGlob(filter: string): ChannelGlob | Promise<ChannelGlob> {
  const levels = filter.split("/");
  const last = levels.indexOf("#");
  if (last !== -1 && last < MAX_LEVELS) {
    return join([...toSegments(levels.slice(0, last), true), "**"]) as ChannelGlob | Promise<ChannelGlob>;
  }
  return join(toSegments(levels, true)) as ChannelGlob | Promise<ChannelGlob>;
}

/** The topic of a channel; undefined where a part of it is only a hash. */
export function toTopicName(channel: string): string | undefined {
  if (!channel.includes(ESCAPE)) return channel;
  if (channel.split("/").some((segment) => segment.startsWith(HASHED))) return undefined;
  const topic = channel.split("/").map(unescapeSegment).join("/");
  // A name that no topic is written as, since another wire chose it, is shown as it is: no two channels are one topic.
  return toChannelName(topic) === channel ? topic : channel;
}

type Segment = string | Promise<string>;

/** @param isFilter whether `+` and `#` are wildcards */
function toSegments(levels: readonly string[], isFilter: boolean): Segment[] {
  const toSegment = (level: string): Segment => {
    if (isFilter && level === "+") return "*";
    return isPlain(level) ? level : escapeText(level);
  };
  if (levels.length <= MAX_LEVELS) return levels.map(toSegment);
  const rest = levels.slice(MAX_LEVELS - 1);
  const hasWildcard = rest.some((level) => level === "+" || level === "#");
  return [...levels.slice(0, MAX_LEVELS - 1).map(toSegment), hasWildcard ? "*" : escapeText(rest.join("/"))];
}

function join(segments: readonly Segment[]): string | Promise<string> {
  if (segments.every((segment) => typeof segment === "string")) return segments.join("/");
  return Promise.all(segments).then((parts) => parts.join("/"));
}

function isPlain(level: string): boolean {
  return PLAIN.test(level) && level !== "." && level !== ".." && !level.startsWith(ESCAPE);
}

function escapeText(text: string): Segment {
  const escaped = `${ESCAPE}${text.replace(UNESCAPED, escapePoint)}`;
  return escaped.length <= MAX_SEGMENT_LENGTH ? escaped : hashText(text);
}

function escapePoint(point: string): string {
  return Array.from(UTF8.encode(point), (byte) => `~${byte.toString(16).padStart(2, "0")}`).join("");
}

async function hashText(text: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", UTF8.encode(text)));
  const base64 = btoa(String.fromCharCode(...digest));
  return `${HASHED}${base64.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

function unescapeSegment(segment: string): string {
  const text = segment.slice(ESCAPE.length);
  if (!segment.startsWith(ESCAPE) || !ESCAPED.test(text)) return segment;
  const bytes = Array.from(text.matchAll(/~([0-9a-f]{2})|(.)/g), ([, hex, plain = ""]) =>
    hex === undefined ? plain.charCodeAt(0) : Number.parseInt(hex, 16),
  );
  try {
    return STRICT_UTF8.decode(Uint8Array.from(bytes));
  } catch {
    return segment;
  }
}

function invalid(message: string): EverywireError {
  return new EverywireError("invalid_argument", message);
}
