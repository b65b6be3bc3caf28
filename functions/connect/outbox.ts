/** Joins several producers into one stream; a producer that awaits {@link push} waits for the reader. */
export class Outbox<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #end: { readonly thrown: unknown } | "ended" | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Resolves when there is room for more, or nobody reads any more. */
  async push(item: T): Promise<void> {
    this.#items.push(item);
    this.#notify();
    while (this.#items.length >= this.#capacity && this.#end === undefined) await this.#changed.promise;
  }

  get isEnded(): boolean {
    return this.#end !== undefined;
  }

  end(): void {
    this.#end ??= "ended";
    this.#notify();
  }

  fail(thrown: unknown): void {
    this.#end ??= { thrown };
    this.#notify();
  }

  /** Gives what was pushed before the end, and then the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    try {
      for (;;) {
        const item = this.#items.shift();
        if (item !== undefined) {
          this.#notify();
          yield item;
        } else if (this.#end === "ended") {
          return;
        } else if (this.#end !== undefined) {
          throw this.#end.thrown;
        } else {
          await this.#changed.promise;
        }
      }
    } finally {
      this.end();
    }
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
