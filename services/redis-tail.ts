import type { FeedRecord } from "../core/ports.ts";
import type { Found, LogEntry, Position, RedisLog, UnstoredEvent } from "./redis-log.ts";

/** What came to a channel, in order; one array for all who read it live. */
export type TailItem =
  | { readonly kind: "event"; readonly number: number; readonly news: number; readonly record: FeedRecord }
  | {
      readonly kind: "unstored";
      readonly sender: string;
      readonly news: number;
      readonly record: FeedRecord;
    };

/** Who reads a channel live. */
export interface TailReader {
  readonly position: Position;
  /** What it has already may come again: it is told by number and news. */
  onItems(items: readonly TailItem[], epoch: string | undefined): void;
  /** `over`: the life of the channel has ended. `lost`: it has to read from its position to learn what is missing. */
  onCut(reason: "over" | "lost"): void;
}

/** One channel in one of its lives, and everybody in this process who reads it live. */
interface Watched {
  /** Under which it is in the map. */
  key: string;
  position: Position;
  readonly readers: Set<TailReader>;
}

export interface TailOptions {
  /** The shortest time between two looks while nothing comes; it grows by half with each that found nothing. */
  readonly minPollMs: number;
  readonly maxPollMs: number;
}

const GROWTH = 1.5;
/** After a look that failed. */
const FAILED_POLL_MS = 1000;
const LOG_EVERY_MS = 10_000;

/**
 * Reads the ends of all channels that anybody in this process follows, with one command for all of them: REST has no
 * connection on which Redis could tell us, so we look. What this process itself has written is looked for at once, and
 * what another has written after {@link TailOptions.maxPollMs} at the latest; while something comes, sooner.
 */
export class RedisTail {
  readonly #log: RedisLog;
  readonly #options: TailOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #places = new Map<TailReader, Watched>();
  #knownNews = -1;
  #pollMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLooking = false;
  #isAskedAgain = false;
  #loggedMs = 0;

  constructor(log: RedisLog, options: TailOptions) {
    this.#log = log;
    this.#options = options;
    this.#pollMs = options.minPollMs;
  }

  /** Tells a reader what comes. False where more has come already than it has: it then reads on, and asks again. */
  join(reader: TailReader): boolean {
    const { position } = reader;
    const key = toKey(position);
    const watched = this.#watched.get(key);
    if (watched === undefined) {
      const created: Watched = { key, position, readers: new Set([reader]) };
      this.#watched.set(key, created);
      this.#places.set(reader, created);
      // What came between its read and now is only seen by a look that does not count on the last one.
      this.#knownNews = -1;
      this.#pollMs = this.#options.minPollMs;
      if (!this.#isLooking) this.#schedule(this.#pollMs);
      return true;
    }
    if (watched.position.number > position.number) return false;
    watched.readers.add(reader);
    this.#places.set(reader, watched);
    return true;
  }

  /** Safe to call for a reader that is not there. */
  leave(reader: TailReader): void {
    const watched = this.#places.get(reader);
    if (watched === undefined) return;
    this.#places.delete(reader);
    watched.readers.delete(reader);
    if (watched.readers.size === 0) this.#watched.delete(watched.key);
    if (this.#watched.size === 0) clearTimeout(this.#timer);
  }

  /** Looks now: this process has written something. */
  poke(): void {
    if (this.#watched.size === 0) return;
    this.#pollMs = this.#options.minPollMs;
    void this.#look();
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) {
      this.#isAskedAgain = true;
      return;
    }
    this.#isLooking = true;
    clearTimeout(this.#timer);
    do {
      this.#isAskedAgain = false;
      await this.#lookOnce();
    } while (this.#isAskedAgain && this.#watched.size > 0);
    this.#isLooking = false;
    if (this.#watched.size > 0) this.#schedule(this.#pollMs);
  }

  async #lookOnce(): Promise<void> {
    const asked = [...this.#watched.values()];
    const knownNews = this.#knownNews;
    try {
      const { news, found } = await this.#log.look(
        asked.map(({ position }) => position),
        knownNews,
      );
      // Whoever joined meanwhile has set it back.
      if (this.#knownNews === knownNews) this.#knownNews = news;
      for (const each of found) {
        const watched = asked[each.index];
        if (watched === undefined) throw new Error("redis: a look found what was not asked.");
        this.#onFound(watched, each);
      }
      const { minPollMs, maxPollMs } = this.#options;
      this.#pollMs = found.length > 0 ? minPollMs : Math.min(maxPollMs, this.#pollMs * GROWTH);
    } catch (thrown) {
      // Readers stay: what they miss is in the log, and is read when Redis is back.
      this.#knownNews = -1;
      this.#pollMs = FAILED_POLL_MS;
      this.#isAskedAgain = false;
      const nowMs = Date.now();
      if (nowMs - this.#loggedMs < LOG_EVERY_MS) return;
      this.#loggedMs = nowMs;
      console.error("channels: cannot look for what is new", thrown);
    }
  }

  #onFound(watched: Watched, found: Found): void {
    if (found.kind !== "more") {
      for (const reader of [...watched.readers]) {
        this.leave(reader);
        reader.onCut(found.kind);
      }
      return;
    }
    const { epoch, head, entries, unstored } = found;
    const items = merge(entries, unstored);
    const last = entries.at(-1)?.number ?? watched.position.number;
    if (last < head) {
      // The rest did not fit into the answer.
      this.#knownNews = -1;
      this.#isAskedAgain = true;
    }
    const news = Math.max(watched.position.news, items.at(-1)?.news ?? 0);
    const readers = [...watched.readers];
    this.#move(watched, { ...watched.position, epoch, number: last, news });
    for (const reader of readers) reader.onItems(items, epoch);
  }

  /** Notes how far a channel was read. One that was not born and has begun goes on under its epoch. */
  #move(watched: Watched, position: Position): void {
    watched.position = position;
    const key = toKey(position);
    if (key === watched.key || watched.readers.size === 0) return;
    this.#watched.delete(watched.key);
    watched.key = key;
    const other = this.#watched.get(key);
    if (other !== undefined) {
      // Somebody joined under the epoch meanwhile. Who has more than the others gets it again, and drops it.
      for (const reader of other.readers) {
        watched.readers.add(reader);
        this.#places.set(reader, watched);
      }
      if (other.position.number < position.number) watched.position = other.position;
    }
    this.#watched.set(key, watched);
  }
}

/** By the counter of news: an event that is not stored keeps its place between those that are. */
function merge(entries: readonly LogEntry[], unstored: readonly UnstoredEvent[]): readonly TailItem[] {
  const items: TailItem[] = entries.map(({ number, news, sequence, type, json }) => ({
    kind: "event",
    number,
    news,
    record: { kind: "event", cursor: sequence, type, json },
  }));
  for (const { news, sender, type, json } of unstored) {
    items.push({ kind: "unstored", sender, news, record: { kind: "ephemeral", type, json } });
  }
  // Sorting keeps the order of those that are equal: the events of one append.
  return unstored.length === 0 ? items : items.sort((a, b) => a.news - b.news);
}

function toKey({ channel, epoch, endedLives }: Position): string {
  return `${endedLives} ${epoch ?? ""} ${channel}`;
}
