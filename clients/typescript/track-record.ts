import type { Attempt, Ending } from "./attempt.ts";
import { backoffMs } from "./backoff.ts";
import type { Timing } from "./options.ts";
import type { Outcome } from "./outcome.ts";
import { decideOutcome } from "./outcome.ts";

/** What has happened to the connections of one reader lately: what is done about the next one depends on it. */
export class TrackRecord {
  readonly #timing: Timing;
  #hasBeenLive = false;
  /** In a row, of whatever kind: how long to wait for the next try. */
  #failures = 0;
  #shortLives = 0;
  #silences = 0;
  #refusedTokens = 0;
  #goneInRow = 0;
  /** How often the wire in use did not open while the server answered, in a row. */
  #blames = 0;

  constructor(timing: Timing) {
    this.#timing = timing;
  }

  get hasBeenLive(): boolean {
    return this.#hasBeenLive;
  }

  onOpen(): void {
    this.#hasBeenLive = true;
    this.#blames = 0;
  }

  /** A connection has lasted for long enough to trust its wire. */
  onStable(): void {
    this.#failures = 0;
    this.#shortLives = 0;
    this.#goneInRow = 0;
  }

  /** Something came of the log. */
  onProgress(): void {
    this.#goneInRow = 0;
  }

  /** A better wire was taken: one early cut is enough to go back. */
  onPromoted(): void {
    this.#shortLives = 2;
  }

  /** The wire was left for another. */
  onSteppedDown(): void {
    this.#shortLives = 0;
    this.#silences = 0;
    this.#blames = 0;
  }

  /** The network is back, perhaps: what went wrong before says nothing any more. */
  forgive(): void {
    this.#failures = 0;
  }

  /** What to do after a connection has ended. @param hasProgress whether it brought anything */
  judge(attempt: Attempt, { error, isWithheld, isSilent, isOwn }: Ending, hasProgress: boolean): Outcome {
    const { stableMs, silenceMs } = this.#timing;
    const wasOpen = attempt.openedAtMs !== undefined;
    if (wasOpen && !isOwn && attempt.livedMs < stableMs) this.#shortLives += 1;
    if (isSilent) this.#silences += 1;
    // One that outlived the silence that is allowed was given signs of life.
    if (attempt.livedMs > 2 * silenceMs) this.#silences = 0;
    // Whoever waits for the next need not wait for long.
    if (hasProgress) this.#failures = 0;
    const isRefused = error.isTold && error.code === "unauthenticated";
    this.#refusedTokens = isRefused ? (wasOpen ? 1 : this.#refusedTokens + 1) : 0;
    this.#goneInRow = error.isTold && error.code === "gone" ? this.#goneInRow + 1 : 0;
    return decideOutcome({
      error,
      isWithheld,
      wasOpen,
      shortLives: this.#shortLives,
      silences: this.#silences,
      refusedTokens: this.#refusedTokens,
      goneInRow: this.#goneInRow,
    });
  }

  /**
   * The server answers, so it was the wire. Gives whether that is enough to leave it: one that has worked before gets one
   * more chance, since a server that has just come back looks like this.
   */
  blame(): boolean {
    this.#blames += 1;
    return !this.#hasBeenLive || this.#shortLives + this.#silences > 0 || this.#blames > 1;
  }

  /** How long to wait before the next try; longer each time. */
  nextWaitMs(): number {
    const waitMs = backoffMs(this.#failures, this.#timing.backoffMs, this.#timing.maxBackoffMs);
    this.#failures += 1;
    return waitMs;
  }
}
