/** So many in one gathering are worth the turn of the event loop that it waits, a millisecond or two. */
const MIN_GATHERED = 8;
/** How many are handled at once before it is tried whether gathering is worth it, at first and at most. */
const FIRST_TRIAL = 8;
const MAX_TRIAL = 256;

export interface ChannelGatheringOptions<T> {
  /** Handles items together, in their order. Must not throw. */
  readonly handle: (items: readonly T[]) => void;
  readonly countChars: (item: T) => number;
  /** The most that wait: then they are handled at once. */
  readonly maxItems: number;
  readonly maxChars: number;
  /** Resolves when what has arrived has had its turn, and keeps the object from sleeping until then. */
  readonly yieldTurn: () => Promise<unknown>;
}

/**
 * Things that come one by one, and are handled together where many come. Whether many do shows only to who waits: each
 * socket frame is an event of its own to the runtime, which ends with a commit. So most are handled at once, one in 8 to
 * 256 waits a turn for others, and where enough come, all do for as long as that goes on.
 */
export class ChannelGathering<T> {
  readonly #options: ChannelGatheringOptions<T>;
  #waiting: T[] = [];
  #waitingChars = 0;
  #isOpen = false;
  #isGathering = false;
  #trialAfter = FIRST_TRIAL;
  #untilTrial = FIRST_TRIAL;
  /** Those that came since the gathering that is open began. */
  #count = 0;

  constructor(options: ChannelGatheringOptions<T>) {
    this.#options = options;
  }

  /** Handles an item now, or with others. */
  add(item: T): void {
    const { handle, countChars, maxItems, maxChars } = this.#options;
    if (!this.#isOpen && !this.#isGathering) {
      this.#untilTrial -= 1;
      if (this.#untilTrial > 0) {
        handle([item]);
        return;
      }
    }
    const chars = countChars(item);
    if (this.#waitingChars + chars > maxChars) this.flush();
    this.#count += 1;
    this.#waiting.push(item);
    this.#waitingChars += chars;
    if (this.#waiting.length >= maxItems) this.flush();
    if (!this.#isOpen) void this.#gather();
  }

  /** Handles what waits. Called before anything that must not overtake it. */
  flush(): void {
    if (this.#waiting.length === 0) return;
    const items = this.#waiting;
    this.#waiting = [];
    this.#waitingChars = 0;
    this.#options.handle(items);
  }

  async #gather(): Promise<void> {
    this.#isOpen = true;
    for (let before = 0; this.#count > before && this.#count < this.#options.maxItems; ) {
      before = this.#count;
      await this.#options.yieldTurn();
    }
    const isWorthIt = this.#count >= MIN_GATHERED;
    if (isWorthIt) this.#trialAfter = FIRST_TRIAL;
    else if (!this.#isGathering) this.#trialAfter = Math.min(MAX_TRIAL, this.#trialAfter * 2);
    this.#isGathering = isWorthIt;
    this.#untilTrial = this.#trialAfter;
    this.#count = 0;
    this.#isOpen = false;
    this.flush();
  }
}
