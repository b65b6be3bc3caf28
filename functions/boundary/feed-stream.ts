import { EverywireError } from "../../core/error.ts";
import type { FeedRecord, Subscription } from "../../core/ports.ts";

/** How a stream is written on one wire. */
export interface FeedEncoding {
  /** The first thing on the stream: without it a client's response would begin with the first event. */
  readonly opening: string;
  /** What says that the stream is alive and means nothing else. */
  readonly heartbeat: string;
  /** Resolves when records of this subscription may be sent; for wires where one depends on the others. */
  ready?(records: readonly FeedRecord[], subscriptionIndex: number): Promise<void>;
  /** Chunks are taken one at a time, each when it is sent. */
  encode(records: readonly FeedRecord[], subscriptionIndex: number): Iterator<string, void>;
  /** True for the record after which there is nothing to wait for: the stream ends in order. */
  isLast?(record: FeedRecord): boolean;
  /** The last thing on a stream that is cut. */
  encodeError(error: EverywireError): string;
}

export interface FeedStreamOptions {
  /** The stream closes them, however it ends. */
  readonly subscriptions: readonly Subscription[];
  readonly encoding: FeedEncoding;
  readonly heartbeatMs: number;
  /** When the reader's token ends; undefined where it does not. */
  readonly expiresInMs: number | undefined;
  /** Told of faults that are ours; the reader only hears `internal`. */
  readonly onFault: (error: EverywireError) => void;
}

/** Heartbeats that a reader may leave untaken before it is given up; with 10 s between them, half a minute. */
const MAX_MISSED_HEARTBEATS = 3;
/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const UTF8 = new TextEncoder();

/**
 * One reader's stream over one or more subscriptions, in order within each.
 *
 * It is a `ReadableStream` that its consumer pulls, rather than a pipe that is written to, because workerd calls
 * `cancel` when the client leaves, while a writer's pending `write` just never ends: its context is dropped with the
 * connection and no `finally` runs.
 *
 * What is held for a reader that does not read: one chunk here (64 KiB, or one event), and the subscriptions' own
 * buffers (MAX_READER_BUFFER_BYTES each). A full buffer cuts the subscription, which shows at the next chunk; a
 * reader that takes nothing at all for {@link MAX_MISSED_HEARTBEATS} heartbeats is cut by the stream itself.
 */
export class FeedStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: FeedStreamOptions;
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  /** Resolved when the consumer takes something; made anew for each wait. */
  #room: PromiseWithResolvers<void> | undefined;
  #missedHeartbeats = 0;
  #isEnded = false;
  #finished = 0;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];

  constructor(options: FeedStreamOptions) {
    this.#options = options;
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
    this.#room?.resolve();
  }

  #onStart(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    const { heartbeatMs, encoding, expiresInMs, subscriptions } = this.#options;
    this.#send(encoding.opening);
    this.#timers.push(setInterval(() => this.#onHeartbeat(), heartbeatMs));
    if (expiresInMs !== undefined && expiresInMs <= MAX_TIMER_MS) {
      const expired = new EverywireError("unauthenticated", "The token has expired.");
      this.#timers.push(setTimeout(() => this.#end(expired), expiresInMs));
    }
    for (const [index, subscription] of subscriptions.entries()) {
      this.#pump(subscription, index).catch((thrown) => this.#end(EverywireError.from(thrown)));
    }
  }

  #onPull(): void {
    this.#missedHeartbeats = 0;
    this.#room?.resolve();
    this.#room = undefined;
  }

  #onHeartbeat(): void {
    if (this.#hasRoom()) {
      this.#send(this.#options.encoding.heartbeat);
      return;
    }
    this.#missedHeartbeats += 1;
    if (this.#missedHeartbeats < MAX_MISSED_HEARTBEATS) return;
    this.stop();
    this.#controller.error(new EverywireError("unavailable", "The reader takes nothing."));
  }

  async #pump(subscription: Subscription, index: number): Promise<void> {
    for await (const records of subscription) {
      await this.#options.encoding.ready?.(records, index);
      await this.#sendRecords(records, index);
      if (this.#isEnded) return;
      if (records.some((record) => this.#options.encoding.isLast?.(record) === true)) {
        this.stop();
        this.#controller.close();
        return;
      }
    }
    this.#onFinished();
  }

  /** A subscription that ends by itself is of a channel that was closed: nothing more will come of it. */
  #onFinished(): void {
    this.#finished += 1;
    if (this.#finished < this.#options.subscriptions.length) return;
    this.#end(new EverywireError("gone", "Closed, and you have all of it: nothing more will come."));
  }

  /**
   * A chunk is encoded when there is room for it and sent in the same turn. Were it encoded before, another channel's
   * chunk could overtake it with an id that counts its events as sent, and a cut between the two would lose them.
   */
  async #sendRecords(records: readonly FeedRecord[], index: number): Promise<void> {
    const chunks = this.#options.encoding.encode(records, index);
    for (;;) {
      await this.#waitForRoom();
      if (this.#isEnded) return;
      const chunk = chunks.next();
      if (chunk.done) return;
      this.#send(chunk.value);
    }
  }

  async #waitForRoom(): Promise<void> {
    while (!this.#isEnded && !this.#hasRoom()) {
      this.#room ??= Promise.withResolvers<void>();
      await this.#room.promise;
    }
  }

  #hasRoom(): boolean {
    return (this.#controller.desiredSize ?? 0) > 0;
  }

  #send(text: string): void {
    this.#controller.enqueue(UTF8.encode(text));
  }

  #end(error: EverywireError): void {
    if (this.#isEnded) return;
    if (error.code === "internal") this.#options.onFault(error);
    this.stop();
    this.#send(this.#options.encoding.encodeError(error));
    this.#controller.close();
  }
}
