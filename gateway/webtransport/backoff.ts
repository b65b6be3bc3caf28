import { GatewayError } from "../gateway-error.ts";

const FIRST_MS = 50;
const LAST_MS = 5000;

/** Lets attempts through with growing pauses, as long as they fail. */
export class Backoff {
  #pauseMs = 0;
  #nextAtMs = 0;

  /** How long until the next attempt. */
  get waitMs(): number {
    return Math.max(0, this.#nextAtMs - Date.now());
  }

  /** @throws GatewayError `unavailable` at once within a pause, and whatever the attempt throws */
  async attempt<T>(run: () => Promise<T>): Promise<T> {
    if (this.waitMs > 0) throw new GatewayError("unavailable", "The server is not reachable. Try again.");
    try {
      const result = await run();
      this.#pauseMs = 0;
      this.#nextAtMs = 0;
      return result;
    } catch (thrown) {
      // Refused by the Worker: it is there.
      if (!(thrown instanceof GatewayError) || thrown.code !== "unavailable") throw thrown;
      this.#pauseMs = Math.min(LAST_MS, Math.max(FIRST_MS, this.#pauseMs * 2));
      this.#nextAtMs = Date.now() + this.#pauseMs * (0.5 + Math.random() / 2);
      throw thrown;
    }
  }
}
