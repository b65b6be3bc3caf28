/**
 * The frames of the WebSocket door (CONTRACT §2, row WebSocket; functions/websocket/README.md).
 *
 * From the client, as text: an event `{"type","data"?,"id"?,"ack"?}`, or an operation `{"op":"ping"|"pong"|"who"}`.
 * To the client: CloudEvents as they stand in the log, and the operations below. A client that chose the subprotocol
 * {@link BATCH_SUBPROTOCOL} is also sent arrays of CloudEvents (the JSON batch format), in the order of the log.
 */
export type ClientFrame =
  | { readonly op: "publish"; readonly event: unknown; readonly ref: AckRef | undefined }
  | { readonly op: "ping"; readonly ref: AckRef | undefined }
  | { readonly op: "pong"; readonly ref: AckRef | undefined }
  | { readonly op: "who"; readonly ref: AckRef | undefined };

/** What ties an answer to its request; `true` asks for the event's own id. */
export type AckRef = string | number | true;

/** A frame that is none of ours; `ref` is set where it could be read, so that the client knows which one. */
export class SocketFrameError extends Error {
  override readonly name = "SocketFrameError";
  readonly ref: AckRef | undefined;

  constructor(message: string, ref?: AckRef) {
    super(message);
    this.ref = ref;
  }
}

/** What a client offers that speaks this protocol, and what one offers that takes several events in a frame. */
export const SUBPROTOCOL = "everywire";
export const BATCH_SUBPROTOCOL = "everywire.batch";

/** A frame of several events gets no further event when it is as long as this. */
const BATCH_FRAME_CHARS = 64 * 1024;

/** Puts events, each as JSON, into as few frames as their size allows: one event as itself, several as an array. */
export function encodeBatchFrames(events: readonly string[]): readonly string[] {
  const frames: string[] = [];
  let batch: string[] = [];
  let chars = 0;
  const finish = () => {
    frames.push(batch.length === 1 ? batch.join() : `[${batch.join(",")}]`);
    batch = [];
    chars = 0;
  };
  for (const json of events) {
    batch.push(json);
    chars += json.length;
    if (chars >= BATCH_FRAME_CHARS) finish();
  }
  if (batch.length > 0) finish();
  return frames;
}

/** The exact text that the platform answers by itself, so that a ping does not wake a sleeping channel. */
export const PING_TEXT = '{"op":"ping"}';
export const PONG_TEXT = '{"op":"pong"}';

/** Reads a client's text frame. @throws SocketFrameError */
export function decodeClientFrame(text: string): ClientFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new SocketFrameError("A frame is a JSON object.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SocketFrameError("A frame is a JSON object.");
  }
  const frame = value as Readonly<Record<string, unknown>>;
  const ref = toRef(frame);
  switch (frame.op) {
    case undefined:
    case "publish": {
      const { op: _op, ack: _ack, ref: _ref, ...event } = frame;
      return { op: "publish", event, ref };
    }
    case "ping":
    case "pong":
    case "who":
      return { op: frame.op, ref };
    default:
      throw new SocketFrameError("'op' is publish, ping, pong or who.", ref);
  }
}

/** `ack` asks for an answer and names it; an event with an `id` of its own is answered by that id. */
function toRef(frame: Readonly<Record<string, unknown>>): AckRef | undefined {
  const asked = frame.ack ?? frame.ref;
  if (asked === false) return undefined;
  if (typeof asked === "string" || typeof asked === "number") return asked;
  if (asked === true || typeof frame.id === "string") return true;
  return undefined;
}

export function encodeAck(ack: {
  readonly ref: string | number;
  readonly id: string;
  readonly sequence: string | undefined;
  readonly duplicate: boolean;
}): string {
  return JSON.stringify({ op: "ack", ...ack });
}

export function encodeSocketError(error: {
  readonly code: string;
  readonly message: string;
  readonly ref: string | number | undefined;
  /** When the same frame can be taken. */
  readonly retryAfterMs: number | undefined;
}): string {
  return JSON.stringify({ op: "error", ...error });
}

export function encodePing(ref: string): string {
  return JSON.stringify({ op: "ping", ref });
}

export function encodePong(ref: AckRef | undefined): string {
  return JSON.stringify({ op: "pong", ref });
}

export function encodeWho(members: readonly unknown[], ref: AckRef | undefined): string {
  return JSON.stringify({ op: "who", ref, members });
}
