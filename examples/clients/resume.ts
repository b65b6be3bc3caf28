import type { OnEvent } from "./client.ts";

const PAUSE_MS = 500;

/**
 * Opens a connection again from the last cursor whenever it ends. Rejects where the first one fails: then the address is
 * wrong, or the reader is refused.
 */
export async function resume(
  after: string,
  onEvent: OnEvent,
  open: (after: string, onEvent: OnEvent) => Promise<void>,
): Promise<void> {
  let cursor = after;
  for (let isFirst = true; ; isFirst = false) {
    const startedMs = Date.now();
    try {
      await open(cursor, (event) => {
        cursor = event.sequence ?? cursor;
        onEvent(event);
      });
    } catch (error) {
      if (isFirst && cursor === after && Date.now() - startedMs < PAUSE_MS) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
