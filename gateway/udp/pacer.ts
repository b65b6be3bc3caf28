import { setTimeout as delay } from "node:timers/promises";

/** What goes out at once; then a pause, or it would be lost in the buffers on the way. */
const BURST_DATAGRAMS = 32;
const BURST_BYTES = 64 * 1024;
const PAUSE_MS = 5;

/** Sends no faster than a reader's socket can be expected to hold: about 6,000 datagrams, or 12 MiB, a second. */
export class Pacer {
  #datagrams = 0;
  #bytes = 0;
  #sinceMs = 0;

  /** Waits where too much has just gone out. */
  async pass(bytes: number): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - this.#sinceMs >= PAUSE_MS) {
      this.#sinceMs = nowMs;
      this.#datagrams = 0;
      this.#bytes = 0;
    }
    this.#datagrams += 1;
    this.#bytes += bytes;
    if (this.#datagrams <= BURST_DATAGRAMS && this.#bytes <= BURST_BYTES) return;
    await delay(PAUSE_MS);
    this.#sinceMs = Date.now();
    this.#datagrams = 1;
    this.#bytes = bytes;
  }
}
