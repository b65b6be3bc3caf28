/** Loads one thing by its key; what is asked for together is loaded together. */
export type Loader<K, V> = (key: K) => Promise<V>;

/**
 * Gathers keys until every resolver that can run has run, and loads them with one call, each key once. Nothing is kept
 * after that: a subscription lives for hours, and would show what was true when it began.
 *
 * A timer and no microtask: resolvers of one level can be many microtasks apart, and would load in several batches.
 *
 * @param loadMany gives as many values as it is given keys, in the same order
 */
export function createLoader<K extends string, V>(
  loadMany: (keys: readonly K[]) => Promise<readonly V[]>,
): Loader<K, V> {
  let batch: Map<K, PromiseWithResolvers<V>> | undefined;
  const run = async (waiting: Map<K, PromiseWithResolvers<V>>) => {
    const entries = [...waiting];
    try {
      const values = await loadMany(entries.map(([key]) => key));
      entries.forEach(([, { resolve }], index) => {
        resolve(values[index] as V);
      });
    } catch (error) {
      for (const [, { reject }] of entries) reject(error);
    }
  };
  return (key) => {
    if (batch === undefined) {
      const waiting = new Map<K, PromiseWithResolvers<V>>();
      batch = waiting;
      setTimeout(() => {
        batch = undefined;
        void run(waiting);
      }, 0);
    }
    const asked = batch.get(key) ?? Promise.withResolvers<V>();
    batch.set(key, asked);
    return asked.promise;
  };
}
