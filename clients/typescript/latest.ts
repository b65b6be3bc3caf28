import type { NewEvent } from "./event.ts";

/** Sends one value; resolves when the next may go. */
export type SendLatest = (channel: string, event: NewEvent) => Promise<unknown>;

/** Values that wait while one of the same kind is under way: beyond it, new kinds are dropped. */
const MAX_WAITING = 256;

/**
 * Says what is so now: while one value is on its way, only the newest waits of those for the same channel, type and
 * subject. One that fails is not sent again, since the next says more.
 */
export class LatestValues {
  readonly #send: SendLatest;
  /** Keys that are under way, and what waits for each. */
  readonly #lanes = new Map<string, NewEvent | undefined>();
  #isClosed = false;

  constructor(send: SendLatest) {
    this.#send = send;
  }

  publish(channel: string, event: NewEvent): void {
    if (this.#isClosed) return;
    const key = JSON.stringify([channel, event.type, event.subject]);
    if (this.#lanes.has(key)) this.#lanes.set(key, event);
    else if (this.#lanes.size < MAX_WAITING) void this.#run(key, channel, event);
  }

  close(): void {
    this.#isClosed = true;
    this.#lanes.clear();
  }

  async #run(key: string, channel: string, first: NewEvent): Promise<void> {
    for (let event: NewEvent | undefined = first; event !== undefined; event = this.#lanes.get(key)) {
      this.#lanes.set(key, undefined);
      await this.#send(channel, event).catch(() => {});
      if (this.#isClosed) return;
    }
    this.#lanes.delete(key);
  }
}
