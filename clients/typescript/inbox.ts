import type { EverywireError } from "./error.ts";

interface Waiter<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: EverywireError): void;
}

/** What has come and was not taken yet, in order, and who waits for it. */
export class Inbox<Item> {
  #items: Item[] = [];
  /** Items before it were taken: shifting a long array moves all of it each time. */
  #taken = 0;
  readonly #waiters: Waiter<Item>[] = [];
  #end: { readonly error: EverywireError | undefined } | undefined;

  get size(): number {
    return this.#items.length - this.#taken;
  }

  /** Hands it to who waits, or keeps it. */
  push(item: Item): void {
    if (this.#end !== undefined) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#items.push(item);
    else waiter.resolve({ done: false, value: item });
  }

  /** The next item; waits for it. Rejects with what {@link end} was given, once everything was taken. */
  next(): Promise<IteratorResult<Item, undefined>> {
    const item = this.take();
    if (item !== undefined) return Promise.resolve({ done: false, value: item });
    return new Promise((resolve, reject) => {
      if (this.#end === undefined) this.#waiters.push({ resolve, reject });
      else if (this.#end.error === undefined) resolve({ done: true, value: undefined });
      else reject(this.#end.error);
    });
  }

  take(): Item | undefined {
    const item = this.#items[this.#taken];
    if (item === undefined) return undefined;
    this.#taken += 1;
    if (this.#taken > 1000 || this.size === 0) {
      this.#items = this.#items.slice(this.#taken);
      this.#taken = 0;
    }
    return item;
  }

  end(error: EverywireError | undefined): void {
    this.#end ??= { error };
    for (const { resolve, reject } of this.#waiters.splice(0)) {
      if (error === undefined) resolve({ done: true, value: undefined });
      else reject(error);
    }
  }
}
