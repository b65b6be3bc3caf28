import { EverywireError } from "../core/error.ts";
import { channelDeleted, tooSlow } from "../core/feed-ends.ts";
import type { FeedRecord, LiveSubscription } from "../core/ports.ts";
import { decodeFeedFrame, NORMAL_CLOSE, STREAM_CLOSED_REASON } from "../wire/feed-frame.ts";

const GONE_CLOSE = 4410;

/**
 * A function's end of a channel's feed. It holds at most `maxBufferBytes` for a reader that does not keep up, and
 * answers the channel's pings only when what came before them has been taken, so that the channel's own bound follows
 * the reader at the far end.
 */
export class ChannelSubscription implements LiveSubscription {
  readonly #socket: WebSocket;
  readonly #maxBufferBytes: number;
  /** What waits to be taken, frame by frame; none is empty. */
  #frames: WaitingFrame[] = [];
  #bufferedBytes = 0;
  #pendingPing: string | undefined;
  #end: { readonly error: EverywireError | undefined } | undefined;
  #listener: (() => void) | undefined;

  constructor(socket: WebSocket, maxBufferBytes: number) {
    this.#socket = socket;
    this.#maxBufferBytes = maxBufferBytes;
    socket.addEventListener("message", ({ data }) => this.#onMessage(data));
    socket.addEventListener("close", ({ code, reason }) => this.#finish(toCut(code, reason)));
    socket.addEventListener("error", () => this.#finish(toCut(1006, "")));
    socket.accept();
  }

  get isOver(): boolean {
    return this.#end !== undefined && this.#end.error === undefined && this.#frames.length === 0;
  }

  onReady(listener: () => void): void {
    this.#listener = listener;
  }

  peek(): readonly FeedRecord[] | undefined {
    const [first] = this.#frames;
    if (first === undefined && this.#end?.error !== undefined) throw this.#end.error;
    return first?.records;
  }

  take(): readonly FeedRecord[] | undefined {
    this.#answerPing();
    const records = this.peek();
    this.#bufferedBytes -= this.#frames.shift()?.bytes ?? 0;
    return records;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly FeedRecord[]> {
    try {
      for (;;) {
        const records = this.#takeAll();
        if (records !== undefined) {
          yield records;
        } else if (this.isOver) {
          return;
        } else {
          await new Promise<void>((resolve) => this.onReady(resolve));
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

  /** Takes all that waits. Usually that is one frame, and all readers of the channel have that same array. */
  #takeAll(): readonly FeedRecord[] | undefined {
    const first = this.take();
    if (this.#frames.length === 0) return first;
    const others = this.#frames.flatMap(({ records }) => records);
    this.#frames = [];
    this.#bufferedBytes = 0;
    return [...(first ?? []), ...others];
  }

  #onMessage(data: unknown): void {
    if (typeof data !== "string" || this.#end !== undefined) return;
    const { records, pingRef } = decodeOnce(data);
    if (pingRef !== undefined) this.#pendingPing = pingRef;
    // One frame is always taken, however large: a page of a catch-up is as large as the channel makes it.
    if (this.#bufferedBytes > this.#maxBufferBytes) {
      this.#finish(tooSlow());
      this.close();
      return;
    }
    if (records.length > 0) {
      this.#frames.push({ records, bytes: data.length });
      this.#bufferedBytes += data.length;
    }
    if (this.#frames.length === 0) this.#answerPing();
    else this.#listener?.();
  }

  /** Tells the channel that all before its ping has been taken. */
  #answerPing(): void {
    if (this.#pendingPing === undefined || this.#frames.length > 0 || this.#end !== undefined) return;
    this.#socket.send(`pong ${this.#pendingPing}`);
    this.#pendingPing = undefined;
  }

  #finish(error: EverywireError | undefined): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    this.#listener?.();
  }
}

interface WaitingFrame {
  readonly records: readonly FeedRecord[];
  readonly bytes: number;
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
  if (code === GONE_CLOSE) return channelDeleted();
  return new EverywireError(
    "unavailable",
    reason === "" ? "The channel closed the feed: go on from your last cursor." : reason,
  );
}
