/**
 * How many turns of the microtask queue the next item may take and still count as being there already: what has to be
 * waited for takes a turn of the event loop, which is never reached in here. Connect's pipeline takes about thirty.
 */
const TURNS = 100;

type Settled<T> = { readonly result: IteratorResult<T> } | { readonly thrown: unknown };

/**
 * Groups what is there at the same time, without ever waiting for more: one chunk, or one append, for a burst.
 * An error comes after everything that came before it.
 */
export async function* gather<T>(
  items: AsyncIterable<T>,
  isFull: (group: readonly T[]) => boolean,
): AsyncGenerator<readonly T[], void, undefined> {
  const iterator = items[Symbol.asyncIterator]();
  let isEnded = false;
  let settled: Settled<T> | undefined;
  const ask = () => {
    settled = undefined;
    return iterator.next().then(
      (result) => {
        settled = { result };
      },
      (thrown: unknown) => {
        settled = { thrown };
      },
    );
  };
  /** The item, or undefined at the end. A function of its own, because the callbacks above change `settled`. */
  const take = (): { readonly item: T } | undefined => {
    if (settled === undefined) throw new Error("Nothing has settled.");
    if ("result" in settled && settled.result.done !== true) return { item: settled.result.value };
    isEnded = true;
    if ("thrown" in settled) throw settled.thrown;
    return undefined;
  };
  const isReady = async () => {
    for (let turn = 0; turn < TURNS && settled === undefined; turn += 1) await undefined;
    return settled !== undefined && "result" in settled && settled.result.done !== true;
  };
  try {
    let pending = ask();
    for (;;) {
      await pending;
      const first = take();
      if (first === undefined) return;
      const group = [first.item];
      pending = ask();
      while (!isFull(group) && (await isReady())) {
        const next = take();
        if (next === undefined) break;
        group.push(next.item);
        pending = ask();
      }
      yield group;
    }
  } finally {
    // Not awaited: the iterator may be waiting for what never comes.
    if (!isEnded) iterator.return?.()?.catch(() => {});
  }
}
