import { EverywireError } from "../../core/error.ts";
import type { FeedRecord, Subscription } from "../../core/ports.ts";

/** What a subscription's field is resolved from: something that came, or why nothing more does. */
export type FeedItem<T> =
  | { readonly kind: "item"; readonly item: T }
  | { readonly kind: "failure"; readonly error: EverywireError };

export interface FeedSourceOptions<T> {
  readonly subscription: Subscription;
  /** Undefined for what this field does not show. */
  readonly toItem: (record: FeedRecord) => FeedItem<T> | undefined;
  /** When the reader's token ends; undefined where it does not. */
  readonly expiresInMs: number | undefined;
}

/** setTimeout overflows beyond this; a token that lasts longer than 24 days outlives any connection. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A channel's feed as the source of a GraphQL subscription, one item at a time, as fast as the transport takes them.
 *
 * Not a generator: `return()` on a generator waits until the `await` inside it is over, which on a quiet channel is
 * never, and the feed would stay open after its reader left. Here it closes the feed, and that ends the wait.
 *
 * An error is the last item and not a rejection: so it reaches the reader as the field's error, on every transport
 * alike, where a rejection would end the whole connection on one and be swallowed on another.
 */
export class FeedSource<T> implements AsyncIterableIterator<FeedItem<T>> {
  readonly #options: FeedSourceOptions<T>;
  readonly #batches: AsyncIterator<readonly FeedRecord[]>;
  #items: FeedItem<T>[] = [];
  #next = 0;
  #failure: EverywireError | undefined;
  #isEnded = false;
  readonly #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FeedSourceOptions<T>) {
    this.#options = options;
    this.#batches = options.subscription[Symbol.asyncIterator]();
    const { expiresInMs } = options;
    if (expiresInMs !== undefined && expiresInMs <= MAX_TIMER_MS) {
      this.#timer = setTimeout(() => this.#expire(), expiresInMs);
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<FeedItem<T>>> {
    for (;;) {
      const item = this.#items[this.#next];
      if (item !== undefined && !this.#isEnded) {
        this.#next += 1;
        return { done: false, value: item };
      }
      if (this.#failure !== undefined) {
        const error = this.#failure;
        this.#failure = undefined;
        this.#stop();
        return { done: false, value: { kind: "failure", error } };
      }
      if (this.#isEnded) return { done: true, value: undefined };
      await this.#takeBatch();
    }
  }

  async return(): Promise<IteratorResult<FeedItem<T>>> {
    this.#failure = undefined;
    this.#stop();
    return { done: true, value: undefined };
  }

  async #takeBatch(): Promise<void> {
    try {
      const { done, value } = await this.#batches.next();
      if (done) {
        this.#stop();
        return;
      }
      this.#items = value.flatMap((record) => this.#options.toItem(record) ?? []);
      this.#next = 0;
    } catch (thrown) {
      this.#failure ??= EverywireError.from(thrown);
    }
  }

  #expire(): void {
    this.#failure = new EverywireError("unauthenticated", "The token has expired.");
    this.#stop();
  }

  #stop(): void {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    this.#options.subscription.close();
  }
}
