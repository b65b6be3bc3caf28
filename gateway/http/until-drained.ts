import type { EventEmitter } from "node:events";

/** Resolves when what was written to it has gone, or it is closed. Leaves no listener behind. */
export function untilDrained(writable: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      writable.off("drain", done).off("close", done);
      resolve();
    };
    writable.on("drain", done).on("close", done);
  });
}
