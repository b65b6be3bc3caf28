import { toBase64 } from "../../core/base64.ts";
import type { ChannelName } from "../../core/channel-name.ts";
import type { FeedRecord, StoredEvent } from "../../core/ports.ts";
import type { StreamInfo, StreamPage } from "../../core/stream.ts";
import { toMediaType } from "../../core/stream.ts";
import { toJsonMessage, toStreamBytes } from "../../core/stream-messages.ts";
import { encodeContent, joinBytes } from "./encode.ts";

/** Where a reader stands after some data. */
export interface Control {
  readonly offset: string;
  /** Undefined at the end of a closed stream: there is nothing more to ask for. */
  readonly collapseCursor: string | undefined;
  readonly isUpToDate: boolean;
  readonly isClosed: boolean;
}

const LINE_BREAK = /\r\n|\r|\n/;

/** Whether an event stream, which is text, carries this one in base64 (`PROTOCOL.md`, "Read stream - live (SSE)"). */
export function isBase64(info: StreamInfo): boolean {
  return info.kind === "bytes" && !toMediaType(info.contentType).startsWith("text/");
}

/** A page as a data event and the control event that goes with it; the control event alone where it is empty. */
export function encodePageEvents(
  channel: ChannelName,
  page: StreamPage,
  control: Control,
  nowMs: number,
): string {
  const isEmpty = page.events.length === 0 && page.gap === undefined;
  // Also for an empty page, since a gap is refused there.
  const content = encodeContent(channel, page, nowMs);
  return encodePair(page.info, isEmpty ? undefined : content, control);
}

/** What a subscription gave, in the same form; "" where there is nothing in it that is stored. */
export function encodeRecordEvents(
  info: StreamInfo,
  records: readonly FeedRecord[],
  toControl: (offset: string) => Control,
): string {
  const stored: Pick<StoredEvent, "type" | "json">[] = [];
  let offset: string | undefined;
  for (const record of records) {
    if (record.kind !== "event" && record.kind !== "gap") continue;
    stored.push(record);
    offset = record.cursor;
  }
  if (offset === undefined) return "";
  const { kind } = info;
  const content =
    kind === "bytes"
      ? joinBytes(stored.map(({ json }) => toStreamBytes(json)))
      : `[${stored.map(({ type, json }) => toJsonMessage(kind, type, json)).join(",")}]`;
  return encodePair(info, content, toControl(offset));
}

/** The control event alone. */
export function encodeControl(control: Control): string {
  const { offset, collapseCursor, isUpToDate, isClosed } = control;
  const json = JSON.stringify({
    streamNextOffset: offset,
    ...(collapseCursor === undefined ? {} : { streamCursor: collapseCursor }),
    ...(isUpToDate ? { upToDate: true } : {}),
    ...(isClosed ? { streamClosed: true } : {}),
  });
  return `id: ${offset}\nevent: control\ndata:${json}\n\n`;
}

/**
 * Both events carry the offset as their id, so that a plain EventSource resumes after the data even where it was cut
 * before the control event; they are one chunk.
 */
function encodePair(info: StreamInfo, content: string | Uint8Array | undefined, control: Control): string {
  if (content === undefined) return encodeControl(control);
  const lines = toLines(info, content)
    .map((line) => `data:${line}\n`)
    .join("");
  return `id: ${control.offset}\nevent: data\n${lines}\n${encodeControl(control)}`;
}

/** A line break of any kind begins a new line of data, so that no content can be taken for an event of its own. */
function toLines(info: StreamInfo, content: string | Uint8Array): readonly string[] {
  if (typeof content === "string") return [content];
  if (isBase64(info)) return [toBase64(content)];
  // A space after the colon is not part of the data: one that is has to be preceded by one that is not.
  return new TextDecoder()
    .decode(content)
    .split(LINE_BREAK)
    .map((line) => (line.startsWith(" ") ? ` ${line}` : line));
}
