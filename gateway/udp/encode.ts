import type { Line } from "../webtransport/worker-lines.ts";

const UTF8 = new TextEncoder();

const GAP_TYPE = "everywire.gap";
const TOO_LARGE_TYPE = "everywire.too_large";

/** An event for one datagram, and the cursor after it. */
interface EncodedEvent {
  /** Undefined where it is not stored and too large: nobody could fetch it. */
  readonly bytes: Uint8Array | undefined;
  /** Undefined for what is not stored. */
  readonly cursor: string | undefined;
}

/**
 * The event with `previous`, the cursor of the one before it: a reader whose last cursor is another has missed something.
 * In place of one that is too large goes a notice that says from which cursor to read it on another wire.
 */
export function encodeEvent(text: string, previous: string, maxBytes: number): EncodedEvent {
  const event = JSON.parse(text) as Line;
  const cursor = toCursor(event);
  if (cursor === undefined) {
    const bytes = UTF8.encode(text);
    return { bytes: bytes.byteLength <= maxBytes ? bytes : undefined, cursor };
  }
  const bytes = UTF8.encode(`${text.slice(0, -1)},"previous":${JSON.stringify(previous)}}`);
  if (bytes.byteLength <= maxBytes) return { bytes, cursor };
  const notice = {
    specversion: "1.0",
    id: `${TOO_LARGE_TYPE}:${cursor}`,
    source: "/gateway/udp",
    type: TOO_LARGE_TYPE,
    subject: event.subject,
    time: event.time,
    sequence: cursor,
    data: { bytes: bytes.byteLength, maxBytes, after: previous },
    previous,
  };
  return { bytes: UTF8.encode(JSON.stringify(notice)), cursor };
}

function toCursor(event: Line): string | undefined {
  if (typeof event.sequence === "string") return event.sequence;
  if (event.type !== GAP_TYPE) return undefined;
  return (event.data as { readonly resumedAt: string }).resumedAt;
}
