import type { ChannelName } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST, parseAfter } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { decodeCompositeCursor } from "../../wire/composite-cursor.ts";

/** One channel of a stream, and where its reader starts. */
export interface Source {
  readonly channel: ChannelName;
  readonly after: After;
}

/**
 * The channels of `GET /sse?channel=a&channel=b`: sorted by name and without repeats, so that the order in which a
 * client names them does not change what a composite cursor means.
 *
 * @throws EverywireError `invalid_argument`
 */
export function decodeChannels(query: URLSearchParams, maxChannels: number): readonly ChannelName[] {
  const names = [...new Set(query.getAll("channel"))].map(parseChannelName).sort();
  if (names.length === 0) {
    throw new EverywireError("invalid_argument", "Name a channel: /sse/{channel} or /sse?channel={channel}.");
  }
  if (names.length > maxChannels) {
    throw new EverywireError("invalid_argument", `One stream has at most ${maxChannels} channels.`);
  }
  return names;
}

/**
 * Where the reader goes on: `Last-Event-ID`, then `?lastEventId=` (for clients that cannot set headers), then
 * `?after=`. In this order because an EventSource reconnects to the URL that it began with.
 *
 * @throws EverywireError `invalid_argument`
 */
export function decodeSources(
  request: Request,
  query: URLSearchParams,
  channels: readonly ChannelName[],
): readonly Source[] {
  const after = request.headers.get("last-event-id") || query.get("lastEventId") || query.get("after");
  const parts = toParts(after, channels.length);
  return channels.map((channel, index) => ({ channel, after: parseAfter(parts[index]) }));
}

function toParts(after: string | null, count: number): readonly string[] {
  if (after === null || after === "" || after === EARLIEST || after === LATEST) {
    return new Array<string>(count).fill(after ?? "");
  }
  const parts = decodeCompositeCursor(after, count);
  if (parts === undefined) {
    throw new EverywireError(
      "invalid_argument",
      count === 1
        ? "'after' is a cursor from this channel, 'earliest' or 'latest'."
        : `'after' is the id of an event of a stream of the same ${count} channels, 'earliest' or 'latest'.`,
    );
  }
  return parts;
}
