/** So many in one gathering are worth its turn of the event loop, which costs about as much as a third of a commit. */
const MIN_GATHERED = 3;
/** How many are handled at once before it is tried whether gathering is worth it, at first and at most. */
const FIRST_TRIAL = 8;
const MAX_TRIAL = 256;
/** One in so many of those that wait brings a turn of its own, so that all of them never hang on one promise. */
const ITEMS_PER_TURN = 16;

export interface ChannelGatheringOptions<T> {
  /** Handles items together, in their order. Must not throw. */
  readonly handle: (items: readonly T[]) => void;
  readonly countChars: (item: T) => number;
  /** The most that wait: then they are handled at once. */
  readonly maxItems: number;
  readonly maxChars: number;
  /** Resolves when what has arrived has had its turn. */
  readonly yieldTurn: () => Promise<unknown>;
}

/**
 * Things that come one by one, and are handled together where many come. Whether many do shows only to who waits: each
 * socket frame is an event of its own to the runtime, which ends with a commit. So most are handled at once, one in 8 to
 * 256 waits a turn for others, and where enough come, all do for as long as that goes on.
 *
 * Nothing here is ended by a turn alone: what waits is handled by whichever comes first, a turn or {@link flush}, and the
 * first that comes after that brings a turn again.
 */
export class ChannelGathering<T> {
  readonly #options: ChannelGatheringOptions<T>;
  #waiting: T[] = [];
  #waitingChars = 0;
  #isGathering = false;
  #trialAfter = FIRST_TRIAL;
  #untilTrial = FIRST_TRIAL;

  constructor(options: ChannelGatheringOptions<T>) {
    this.#options = options;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Handles an item now, or with others; then it gives, now and then, what the caller's event has to wait for. */
  add(item: T): Promise<void> | undefined {
    const { handle, countChars, maxItems, maxChars } = this.#options;
    if (!this.#isGathering && this.#waiting.length === 0) {
      this.#untilTrial -= 1;
      if (this.#untilTrial > 0) {
        handle([item]);
        return undefined;
      }
    }
    const chars = countChars(item);
    if (this.#waitingChars + chars > maxChars) this.flush();
    this.#waiting.push(item);
    this.#waitingChars += chars;
    if (this.#waiting.length >= maxItems) {
      this.flush();
      return undefined;
    }
    return this.#waiting.length % ITEMS_PER_TURN === 1 ? this.#takeTurn() : undefined;
  }

  /** Handles what waits. Called before anything that must not overtake it. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const items = this.#waiting;
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#decide(items.length >= MIN_GATHERED);
    this.#options.handle(items);
  }

  #decide(isWorthIt: boolean): void {
    if (isWorthIt) this.#trialAfter = FIRST_TRIAL;
    else if (!this.#isGathering) this.#trialAfter = Math.min(MAX_TRIAL, this.#trialAfter * 2);
    this.#isGathering = isWorthIt;
    this.#untilTrial = this.#trialAfter;
  }

  /** Lets in what has arrived already, for as long as each turn brings more, and handles it. */
  async #takeTurn(): Promise<void> {
    try {
      for (let before = 0; this.#waiting.length > before; ) {
        before = this.#waiting.length;
        await this.#options.yieldTurn();
      }
    } finally {
      this.flush();
    }
  }
}
