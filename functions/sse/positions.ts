import type { After } from "../../core/cursor.ts";
import { LATEST } from "../../core/cursor.ts";
import { encodeCompositeCursor } from "../../wire/composite-cursor.ts";

/**
 * Where a reader of several channels stands in each. A part is a cursor, or `earliest` for a channel that was asked
 * for from its beginning and has given nothing yet, since that is where reading goes on.
 *
 * No event may be sent before every part is known: an id that lacked one could not be resumed from, and an event
 * without an id would be lost to a reader that is cut after it.
 */
export class Positions {
  readonly #parts: (string | undefined)[];

  constructor(afters: readonly After[]) {
    // "latest" is no position: read again after a break, it would skip what came in between.
    this.#parts = afters.map((after) => (after === LATEST ? undefined : after));
  }

  /** How many channels there are. */
  get count(): number {
    return this.#parts.length;
  }

  /** Whether every channel has said where it stands. */
  get areKnown(): boolean {
    return !this.#parts.includes(undefined);
  }

  isKnown(channelIndex: number): boolean {
    return this.#parts[channelIndex] !== undefined;
  }

  /** Moves one channel on. */
  advance(channelIndex: number, cursor: string): void {
    this.#parts[channelIndex] = cursor;
  }

  /** The composite cursor; only when all {@link areKnown}. */
  toCursor(): string {
    return encodeCompositeCursor(this.#parts as string[]);
  }
}
