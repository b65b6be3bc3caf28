/** Heartbeats that a reader may leave untaken before it is given up. */
const MAX_MISSED_HEARTBEATS = 3;
/** setTimeout overflows beyond this; nobody stays connected for 24 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const UTF8 = new TextEncoder();

export interface LiveBodyOptions {
  /** What is sent; asked for the next only when there is room for it. */
  readonly chunks: AsyncIterator<string>;
  readonly heartbeat: string;
  readonly heartbeatMs: number;
  /** When the body ends by itself, in order; the reader goes on in a new request. */
  readonly endsInMs: number;
  /** Lets go of what the chunks come from, which makes them end. Called once, however the body ends. */
  readonly release: () => void;
  readonly onFault: (thrown: unknown) => void;
}

/**
 * One live reader's body. The consumer pulls it: workerd calls `cancel` when the client leaves, while a pending write
 * into a pipe would never end. What is held for a reader that does not read is one chunk here, and what the channel
 * holds for it.
 */
export class LiveBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #options: LiveBodyOptions;
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  #missedHeartbeats = 0;
  #isStopped = false;

  constructor(options: LiveBodyOptions) {
    this.#options = options;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => this.#onStart(controller),
      pull: (controller) => this.#onPull(controller),
      cancel: () => this.stop(),
    });
  }

  /** Ends the body after the chunk that is being sent; safe to call twice. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#options.release();
  }

  #onStart(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { heartbeatMs, endsInMs } = this.#options;
    this.#timers.push(
      setInterval(() => this.#onHeartbeat(controller), heartbeatMs),
      setTimeout(() => this.stop(), Math.min(endsInMs, MAX_TIMER_MS)),
    );
  }

  async #onPull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#missedHeartbeats = 0;
    try {
      for (;;) {
        const { value, done } = await this.#options.chunks.next();
        if (done === true) break;
        if (value === "") continue;
        controller.enqueue(UTF8.encode(value));
        return;
      }
    } catch (thrown) {
      // This wire has no word for an error in the middle: the reader asks again, and is told by a status.
      this.#options.onFault(thrown);
    }
    this.stop();
    try {
      controller.close();
    } catch {
      // The client has left.
    }
  }

  #onHeartbeat(controller: ReadableStreamDefaultController<Uint8Array>): void {
    if ((controller.desiredSize ?? 0) > 0) {
      controller.enqueue(UTF8.encode(this.#options.heartbeat));
      return;
    }
    this.#missedHeartbeats += 1;
    if (this.#missedHeartbeats < MAX_MISSED_HEARTBEATS) return;
    this.stop();
    controller.error(new Error("The reader takes nothing."));
  }
}
