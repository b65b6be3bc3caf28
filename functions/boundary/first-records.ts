import type { FeedRecord, LiveSubscription, Subscription } from "../../core/ports.ts";

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

/**
 * Waits until a subscription has said where it starts, and takes nothing from it.
 *
 * @throws EverywireError where the subscription ends before that
 */
export async function untilPositioned(subscription: LiveSubscription): Promise<string> {
  try {
    for (;;) {
      const [position] = subscription.peek() ?? [];
      if (position?.kind === "position") return position.cursor;
      if (position !== undefined || subscription.isOver)
        throw new Error("A subscription begins with its position.");
      await new Promise<void>((resolve) => subscription.onReady(resolve));
    }
  } catch (thrown) {
    subscription.close();
    throw thrown;
  }
}
