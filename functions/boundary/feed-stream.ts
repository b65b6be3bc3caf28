import { EverywireError } from "../../core/error.ts";
import { closedAndRead, takesNothing, tokenExpired } from "../../core/feed-ends.ts";
import { MAX_MISSED_HEARTBEATS } from "../../core/heartbeat.ts";
import type { FeedRecord, LiveSubscription } from "../../core/ports.ts";

/** How a stream is written on one wire. */
export interface FeedEncoding {
  /** The first thing on the stream: without it a client's response would begin with the first event. */
  readonly opening: string;
  /** What says that the stream is alive and means nothing else. */
  readonly heartbeat: string;
  /**
   * Whether records of this subscription may be sent by now; asked again after others were. For wires where one
   * subscription depends on the others.
   */
  isReady?(records: readonly FeedRecord[], subscriptionIndex: number): boolean;
  /** Chunks are taken one at a time, each when it is sent. */
  encode(records: readonly FeedRecord[], subscriptionIndex: number): Iterator<Uint8Array, void>;
  /** True for the record after which there is nothing to wait for: the stream ends in order. */
  isLast?(record: FeedRecord): boolean;
  /** The last thing on a stream that is cut. */
  encodeError(error: EverywireError): string;
}

export interface FeedStreamOptions {
  /** The stream closes them, however it ends. */
  readonly subscriptions: readonly LiveSubscription[];
  readonly encoding: FeedEncoding;
  readonly heartbeatMs: number;
  /** When the reader's token ends; undefined where it does not. */
  readonly expiresInMs: number | undefined;
  /** Told of faults that are ours; the reader only hears `internal`. */
  readonly onFault: (error: EverywireError) => void;
}

/** What is handed to the runtime before it has taken the last of it: each trip costs more than the bytes in it. */
const MAX_HANDED_BYTES = 64 * 1024;
/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const UTF8 = new TextEncoder();

/** One subscription, and what of it is being sent. */
interface Lane {
  readonly subscription: LiveSubscription;
  readonly index: number;
  chunks: Iterator<Uint8Array, void> | undefined;
  /** Whether the stream ends with those chunks. */
  isLast: boolean;
  isFinished: boolean;
}

/**
 * One reader's stream over one or more subscriptions, in order within each.
 *
 * It is a `ReadableStream` that its consumer pulls, rather than a pipe that is written to, because workerd calls
 * `cancel` when the client leaves, while a writer's pending `write` just never ends: its context is dropped with the
 * connection and no `finally` runs.
 *
 * What is held for a reader that does not read: two chunks here (64 KiB each, or one event), and the subscriptions'
 * own buffers (MAX_READER_BUFFER_BYTES each). A full buffer cuts the subscription, which shows at the next chunk; a
 * reader that takes nothing at all for {@link MAX_MISSED_HEARTBEATS} heartbeats is cut by the stream itself.
 */
export class FeedStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: FeedStreamOptions;
  readonly #lanes: readonly Lane[];
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** What was handed over since the consumer last took everything. */
  #handedBytes = 0;
  #missedHeartbeats = 0;
  #isEnded = false;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(options: FeedStreamOptions) {
    this.#options = options;
    this.#lanes = options.subscriptions.map((subscription, index) => {
      return { subscription, index, chunks: undefined, isLast: false, isFinished: false };
    });
    this.body = new ReadableStream<Uint8Array>({
      start: (controller) => this.#onStart(controller),
      pull: () => this.#onPull(),
      cancel: () => this.stop(),
    });
  }

  /** Ends the stream without another word; safe to call twice. */
  stop(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const subscription of this.#options.subscriptions) subscription.close();
  }

  #onStart(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    const { heartbeatMs, encoding, expiresInMs } = this.#options;
    this.#send(UTF8.encode(encoding.opening));
    this.#timers.push(setInterval(() => this.#onHeartbeat(), heartbeatMs));
    if (expiresInMs !== undefined && expiresInMs <= MAX_TIMER_MS) {
      this.#timers.push(setTimeout(() => this.#end(tokenExpired()), expiresInMs));
    }
    const onReady = () => this.#drain();
    for (const { subscription } of this.#lanes) subscription.onReady(onReady);
    this.#drain();
  }

  #onPull(): void {
    this.#missedHeartbeats = 0;
    this.#handedBytes = 0;
    this.#drain();
  }

  #onHeartbeat(): void {
    if (this.#isTaken()) {
      this.#send(UTF8.encode(this.#options.encoding.heartbeat));
      return;
    }
    this.#missedHeartbeats += 1;
    if (this.#missedHeartbeats < MAX_MISSED_HEARTBEATS) return;
    this.stop();
    this.#controller.error(takesNothing());
  }

  /** Sends what there is and as much as there is room for: a chunk of each subscription in turn. It waits for nothing. */
  #drain(): void {
    try {
      for (let hasSent = true; hasSent; ) {
        hasSent = false;
        for (const lane of this.#lanes) {
          if (this.#isEnded || !this.#hasRoom()) return;
          if (this.#sendNext(lane)) hasSent = true;
        }
      }
    } catch (thrown) {
      this.#end(EverywireError.from(thrown));
    }
  }

  /**
   * Sends one chunk; false where there is none. A chunk is encoded when there is room for it and sent in the same turn.
   * Were it encoded before, another channel's chunk could overtake it with an id that counts its events as sent, and a
   * cut between the two would lose them.
   */
  #sendNext(lane: Lane): boolean {
    const chunks = lane.chunks ?? this.#takeRecords(lane);
    if (chunks === undefined) return false;
    const chunk = chunks.next();
    if (!chunk.done) {
      lane.chunks = chunks;
      this.#send(chunk.value);
      return true;
    }
    lane.chunks = undefined;
    if (!lane.isLast) return true;
    this.stop();
    this.#controller.close();
    return false;
  }

  #takeRecords(lane: Lane): Iterator<Uint8Array, void> | undefined {
    const { subscription, index } = lane;
    const { encoding } = this.#options;
    const records = subscription.peek();
    if (records === undefined) {
      // Tells the channel that what it sent has been passed on.
      subscription.take();
      this.#noteEnd(lane);
      return undefined;
    }
    if (encoding.isReady?.(records, index) === false) return undefined;
    subscription.take();
    if (encoding.isLast !== undefined) lane.isLast = records.some(encoding.isLast);
    return encoding.encode(records, index);
  }

  /** A subscription that ends by itself is of a channel that was closed: nothing more will come of it. */
  #noteEnd(lane: Lane): void {
    if (!lane.subscription.isOver || lane.isFinished) return;
    lane.isFinished = true;
    if (this.#lanes.every(({ isFinished }) => isFinished)) this.#end(closedAndRead());
  }

  /** Whether the consumer has taken everything. */
  #isTaken(): boolean {
    return (this.#controller.desiredSize ?? 0) > 0;
  }

  #hasRoom(): boolean {
    return this.#handedBytes < MAX_HANDED_BYTES || this.#isTaken();
  }

  #send(bytes: Uint8Array): void {
    this.#handedBytes += bytes.byteLength;
    this.#controller.enqueue(bytes);
  }

  #end(error: EverywireError): void {
    if (this.#isEnded) return;
    if (error.code === "internal") this.#options.onFault(error);
    this.stop();
    this.#send(UTF8.encode(this.#options.encoding.encodeError(error)));
    this.#controller.close();
  }
}
