import { EverywireError } from "../core/error.ts";
import type { FeedRecord, Subscription } from "../core/ports.ts";
import { decodeFeedFrame, NORMAL_CLOSE, STREAM_CLOSED_REASON } from "../wire/feed-frame.ts";

const GONE_CLOSE = 4410;

/**
 * A function's end of a channel's feed. It holds at most `maxBufferBytes` for a reader that does not keep up, and
 * answers the channel's pings only when what came before them has been taken, so that the channel's own bound follows
 * the reader at the far end.
 */
export class ChannelSubscription implements Subscription {
  readonly #socket: WebSocket;
  readonly #maxBufferBytes: number;
  /** What waits to be taken, frame by frame; none is empty. */
  #frames: (readonly FeedRecord[])[] = [];
  #bufferedBytes = 0;
  #pendingPing: string | undefined;
  #end: { readonly error: EverywireError | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket, maxBufferBytes: number) {
    this.#socket = socket;
    this.#maxBufferBytes = maxBufferBytes;
    socket.addEventListener("message", ({ data }) => this.#onMessage(data));
    socket.addEventListener("close", ({ code, reason }) => this.#finish(toCut(code, reason)));
    socket.addEventListener("error", () => this.#finish(toCut(1006, "")));
    socket.accept();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly FeedRecord[]> {
    try {
      for (;;) {
        const [first, ...others] = this.#frames;
        if (first !== undefined) {
          this.#frames = [];
          this.#bufferedBytes = 0;
          // Usually one waits, and all readers of the channel have that same array.
          yield others.length === 0 ? first : [first, ...others].flat();
          this.#answerPing();
        } else if (this.#end !== undefined) {
          if (this.#end.error !== undefined) throw this.#end.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.#end === undefined) this.#finish(undefined);
    try {
      this.#socket.close(1000);
    } catch {
      // It was closed by the other end first.
    }
  }

  #onMessage(data: unknown): void {
    if (typeof data !== "string" || this.#end !== undefined) return;
    const frame = decodeOnce(data);
    if (frame.pingRef !== undefined) this.#pendingPing = frame.pingRef;
    if (frame.records.length > 0) this.#frames.push(frame.records);
    // One frame is always taken, however large: a page of a catch-up is as large as the channel makes it.
    if (this.#bufferedBytes > this.#maxBufferBytes) {
      this.#finish(new EverywireError("unavailable", "Too slow a reader: go on from your last cursor."));
      this.close();
      return;
    }
    this.#bufferedBytes += data.length;
    if (this.#frames.length === 0) this.#answerPing();
    this.#wake?.();
  }

  /** Tells the channel that all before its ping has been taken. */
  #answerPing(): void {
    if (this.#pendingPing === undefined || this.#frames.length > 0 || this.#end !== undefined) return;
    this.#socket.send(`pong ${this.#pendingPing}`);
    this.#pendingPing = undefined;
  }

  #finish(error: EverywireError | undefined): void {
    this.#end ??= { error };
    this.#wake?.();
  }
}

interface DecodedFrame {
  readonly records: readonly FeedRecord[];
  readonly pingRef: string | undefined;
}

let lastFrame: string | undefined;
let lastDecoded: DecodedFrame = { records: [], pingRef: undefined };

/** A channel sends all its readers the same frame, one after the other, and most of them are in one isolate. */
function decodeOnce(frame: string): DecodedFrame {
  if (frame !== lastFrame) {
    let pingRef: string | undefined;
    const records: FeedRecord[] = [];
    for (const record of decodeFeedFrame(frame)) {
      if (record.kind === "ping") pingRef = record.ref;
      else records.push(record);
    }
    lastFrame = frame;
    lastDecoded = { records, pingRef };
  }
  return lastDecoded;
}

/** Undefined where nothing was cut: the stream was closed, and all of it was read. */
function toCut(code: number, reason: string): EverywireError | undefined {
  if (code === NORMAL_CLOSE && reason === STREAM_CLOSED_REASON) return undefined;
  if (code === GONE_CLOSE) return new EverywireError("gone", "The channel was deleted.");
  return new EverywireError(
    "unavailable",
    reason === "" ? "The channel closed the feed: go on from your last cursor." : reason,
  );
}
