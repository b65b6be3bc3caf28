/**
 * Feed frames: what a Channel sends to the functions that subscribe to it, as WebSocket text (MUST be read by this
 * file alone; clients never see them).
 *
 *     frame    = record *( LF record )
 *     record   = event / ephemeral / gap / position / ping
 *     event    = "e" SP cursor SP type LF json
 *     gap      = "g" SP cursor SP type LF json
 *     ephemeral= "n" SP type LF json
 *     position = "p" SP cursor
 *     ping     = "?" SP ref            ; answered by the text "pong" SP ref once what came before has been passed on
 *
 * The JSON travels as it stands in the log and is never parsed on the way; JSON has no raw line feed, so one splits.
 */

/** The header in which a Channel is told what a socket is for; it comes from the Worker alone. */
export const SOCKET_REQUEST_HEADER = "x-everywire-socket";

/** The header in which a Channel says where a stream that it writes itself begins. */
export const CURSOR_HEADER = "everywire-cursor";

/** How a Channel ends a reader that has everything there will ever be (RFC 6455 §7.4.1, 1000 "normal closure"). */
export const NORMAL_CLOSE = 1000;
export const STREAM_CLOSED_REASON = "the stream is closed";

export type FeedFrameRecord =
  | { readonly kind: "event"; readonly cursor: string; readonly type: string; readonly json: string }
  | { readonly kind: "gap"; readonly cursor: string; readonly type: string; readonly json: string }
  | { readonly kind: "ephemeral"; readonly type: string; readonly json: string }
  | { readonly kind: "position"; readonly cursor: string }
  | { readonly kind: "ping"; readonly ref: string };

export function encodeFeedRecord(record: FeedFrameRecord): string {
  switch (record.kind) {
    case "event":
      return `e ${record.cursor} ${record.type}\n${record.json}`;
    case "gap":
      return `g ${record.cursor} ${record.type}\n${record.json}`;
    case "ephemeral":
      return `n ${record.type}\n${record.json}`;
    case "position":
      return `p ${record.cursor}`;
    case "ping":
      return `? ${record.ref}`;
  }
}

/** Reads a frame. @throws Error where it is none: both ends are ours, so that is a fault and not input */
export function decodeFeedFrame(frame: string): FeedFrameRecord[] {
  const records: FeedFrameRecord[] = [];
  const lines = frame.split("\n");
  for (let index = 0; index < lines.length; index += 1) {
    const head = lines[index] ?? "";
    const rest = head.slice(2);
    switch (head[0]) {
      case "e":
      case "g": {
        const space = rest.indexOf(" ");
        index += 1;
        records.push({
          kind: head[0] === "e" ? "event" : "gap",
          cursor: rest.slice(0, space),
          type: rest.slice(space + 1),
          json: lines[index] ?? "",
        });
        break;
      }
      case "n":
        index += 1;
        records.push({ kind: "ephemeral", type: rest, json: lines[index] ?? "" });
        break;
      case "p":
        records.push({ kind: "position", cursor: rest });
        break;
      case "?":
        records.push({ kind: "ping", ref: rest });
        break;
      default:
        throw new Error("Not a feed frame.");
    }
  }
  return records;
}
