import type { FeedRecord, LiveSubscription, Subscription } from "../core/ports.ts";

/**
 * A subscription that is only iterated, so that a reader can take from it as from one that is pushed: one batch ahead of
 * it is asked for, and no more, so that a slow reader holds its source back.
 */
export class PumpedSubscription implements LiveSubscription {
  readonly #source: Subscription;
  #iterator: AsyncIterator<readonly FeedRecord[]> | undefined;
  #next: readonly FeedRecord[] | undefined;
  #end: { readonly thrown?: unknown } | undefined;
  #isPulling = false;
  #onReady: () => void = () => undefined;

  constructor(source: Subscription) {
    this.#source = source;
  }

  get isOver(): boolean {
    return this.#next === undefined && this.#end !== undefined && !("thrown" in this.#end);
  }

  peek(): readonly FeedRecord[] | undefined {
    if (this.#next === undefined && this.#end !== undefined && "thrown" in this.#end) throw this.#end.thrown;
    if (this.#next === undefined) this.#pull();
    return this.#next;
  }

  take(): readonly FeedRecord[] | undefined {
    const taken = this.peek();
    this.#next = undefined;
    if (taken !== undefined) this.#pull();
    return taken;
  }

  onReady(listener: () => void): void {
    this.#onReady = listener;
    this.#pull();
  }

  [Symbol.asyncIterator](): AsyncIterator<readonly FeedRecord[]> {
    return this.#source[Symbol.asyncIterator]();
  }

  close(): void {
    this.#source.close();
  }

  #pull(): void {
    if (this.#isPulling || this.#next !== undefined || this.#end !== undefined) return;
    this.#isPulling = true;
    this.#iterator ??= this.#source[Symbol.asyncIterator]();
    this.#iterator
      .next()
      .then(
        ({ done, value }) => {
          if (done === true) this.#end = {};
          else this.#next = value;
        },
        (thrown: unknown) => {
          this.#end = { thrown };
        },
      )
      .finally(() => {
        this.#isPulling = false;
        this.#onReady();
      });
  }
}
