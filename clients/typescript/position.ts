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

/** Whether a cursor is behind (later than) a position. Cursors of one channel compare as strings, whatever its life. */
export function isBehind(cursor: string, position: string): boolean {
  return position === "earliest" || position === "latest" || cursor > position;
}
