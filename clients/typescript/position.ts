import { GAP_TYPE } from "./event.ts";

/** Where reading goes on behind an event; undefined for what has no place in the log. */
export function positionBehind(event: {
  readonly type: string;
  readonly sequence?: string;
  readonly data?: unknown;
}): string | undefined {
  if (event.type === GAP_TYPE) return (event.data as { readonly resumedAt: string }).resumedAt;
  return event.sequence;
}

/** A place in a log, and not a word for one. */
export function isCursor(position: string): boolean {
  return position !== "earliest" && position !== "latest";
}

/** Whether a cursor is behind (later than) a position. Cursors of one channel compare as strings, whatever its life. */
export function isBehind(cursor: string, position: string): boolean {
  return !isCursor(position) || cursor > position;
}
