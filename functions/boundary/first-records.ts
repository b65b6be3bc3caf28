import type { FeedRecord, Subscription } from "../../core/ports.ts";

export interface Positioned {
  /** The same subscription, from its beginning. */
  readonly subscription: Subscription;
  /** Where the reader stands before the first event; what to resume from if none comes. */
  readonly cursor: string;
}

/**
 * Waits for the first records of a subscription, which say where it starts: for wires that tell the cursor before the
 * first event.
 *
 * @throws EverywireError where the subscription ends before that
 */
export async function withPosition(subscription: Subscription): Promise<Positioned> {
  const iterator = subscription[Symbol.asyncIterator]();
  try {
    const first = await iterator.next();
    const records: readonly FeedRecord[] = first.done === true ? [] : first.value;
    const [position] = records;
    if (position?.kind !== "position") throw new Error("A subscription begins with its position.");
    return {
      cursor: position.cursor,
      subscription: {
        close: () => subscription.close(),
        async *[Symbol.asyncIterator]() {
          yield records;
          yield* { [Symbol.asyncIterator]: () => iterator };
        },
      },
    };
  } catch (thrown) {
    subscription.close();
    throw thrown;
  }
}
