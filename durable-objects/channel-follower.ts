import type { After } from "../core/cursor.ts";
import { LATEST, parseCursor } from "../core/cursor.ts";
import { encodeGapEvent, GAP_TYPE } from "../core/event.ts";
import type { Page, StoredEvent } from "../core/ports.ts";
import type { ChannelNews } from "./subscriber.ts";

/** Who follows: takes events in order, and says when it can. */
export interface FollowerHost {
  /** Whether there is anybody to give events to now. */
  isReading(): boolean;
  /**
   * Whether places are written. Where they are not, they are gone when the object has slept: then it goes on from where
   * the channel says that it was told, so it must not sleep while it is behind ({@link ChannelFollower.isBehind}).
   */
  isLasting(): boolean;
  /** Whether events of the channel are wanted at all. */
  isWanted(channel: string): boolean | Promise<boolean>;
  /** Takes events from the first on; gives how many were taken. Fewer than all means: no more for now. */
  take(channel: string, events: readonly StoredEvent[]): number | Promise<number>;
  read(channel: string, after: After, limit: number): Promise<Page>;
  /** Told where something failed; it runs again later. */
  onFault(thrown: unknown): void;
}

/** Events that were told and wait here for their turn; beyond it they are read from the log when it comes. */
const MAX_FRESH_EVENTS = 256;
const PAGE_EVENTS = 200;

interface Place {
  /** Everything up to here was taken. */
  cursor: string;
  /** Events that follow on the cursor without a hole. */
  readonly fresh: StoredEvent[];
  /** Whether the log may have more than those. */
  hasMore: boolean;
  /** Whether a page is on its way. */
  isReading: boolean;
  /** Whether it is noted that there is more than the cursor says. */
  isNoted: boolean;
}

/** Places that are kept in memory. */
const MAX_PLACES = 2000;

/**
 * Where a durable subscriber stands in each channel that it follows. Nothing is copied while it cannot read: a place is
 * a cursor, and when there is somebody to read again, it goes on from there.
 */
export class ChannelFollower {
  readonly #sql: SqlStorage;
  readonly #host: FollowerHost;
  readonly #places = new Map<string, Place>();
  /** Channels that have something, in the order in which they said so. */
  readonly #ready = new Set<string>();
  #isRunning = false;

  constructor(sql: SqlStorage, host: FollowerHost) {
    this.#sql = sql;
    this.#host = host;
  }

  /** Begins anew; where places are written, it makes their table, empty. */
  begin(): void {
    this.clear();
    if (this.#host.isLasting()) this.#createTable();
  }

  /** For a host whose places are to be written from now on. */
  keep(): void {
    this.#createTable();
    for (const [channel, place] of this.#places) this.#write(channel, place);
  }

  #createTable(): void {
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS places (channel TEXT PRIMARY KEY, cursor TEXT NOT NULL, behind INTEGER NOT NULL) WITHOUT ROWID",
    );
    this.#sql.exec("DELETE FROM places");
  }

  /** Whether there is anything to hand on. */
  get isBehind(): boolean {
    return this.#ready.size > 0;
  }

  /** Forgets what is in memory. */
  clear(): void {
    this.#places.clear();
    this.#ready.clear();
  }

  /** Puts a place into a channel, in place of any that there was. @param after a cursor or `earliest` */
  startAt(channel: string, after: string): void {
    this.#save(channel, toPlace(after, true));
    this.#ready.add(channel);
  }

  /** Whether there is a place in a channel. */
  hasPlace(channel: string): boolean {
    return this.#place(channel) !== undefined;
  }

  /** Has a channel be read on from its place, whatever its news said. */
  readOn(channel: string): void {
    const place = this.#place(channel);
    if (place === undefined) return;
    place.hasMore = true;
    this.#ready.add(channel);
  }

  /** Forgets the places in channels that are not followed any more. */
  forget(isFollowed: (channel: string) => boolean): void {
    const isLasting = this.#host.isLasting();
    const known = isLasting
      ? this.#sql.exec<{ channel: string }>("SELECT channel FROM places").toArray()
      : Array.from(this.#places.keys(), (channel) => ({ channel }));
    for (const { channel } of known) {
      if (isFollowed(channel)) continue;
      if (isLasting) this.#sql.exec("DELETE FROM places WHERE channel = ?", channel);
      this.#places.delete(channel);
      this.#ready.delete(channel);
    }
  }

  /** Takes news of a channel. When it returns, the events were taken, or it is noted that there are some. */
  onNews(news: ChannelNews): void {
    const { channel, head } = news;
    const start = this.#host.isLasting() ? news.from : news.after;
    const place = this.#place(channel) ?? this.#add(channel, toPlace(start, false));
    const end = place.fresh.at(-1)?.sequence ?? place.cursor;
    if (!place.hasMore && !place.isReading && head <= end) return;
    this.#ready.add(channel);
    if (this.#host.isReading()) {
      if (!addFresh(place, end, news)) place.hasMore = true;
      // Up to its first wait this is done at once, and mostly that is all of it.
      void this.run();
    } else {
      place.hasMore = true;
    }
    if (isBehind(place) && !place.isNoted) this.#save(channel, place);
  }

  /** Takes up every channel that was left behind. */
  async resume(): Promise<void> {
    if (this.#host.isLasting()) {
      const query = "SELECT channel FROM places WHERE behind = 1";
      for (const { channel } of this.#sql.exec<{ channel: string }>(query).toArray())
        this.#ready.add(channel);
    }
    await this.run();
  }

  /** Hands on all that there is, as far as it is taken; one run at a time. It never rejects. */
  async run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#host.isReading()) {
        const [channel] = this.#ready;
        if (channel === undefined) return;
        const step = this.#handOn(channel);
        if (!(typeof step === "boolean" ? step : await step)) return;
      }
    } catch (thrown) {
      this.#host.onFault(thrown);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Hands on one batch of a channel; false where not all of it was taken. */
  #handOn(channel: string): boolean | Promise<boolean> {
    // To the end of the line, if there is more of it.
    this.#ready.delete(channel);
    const place = this.#place(channel);
    if (place === undefined) return true;
    const isWanted = this.#host.isWanted(channel);
    if (typeof isWanted !== "boolean" || !isWanted || place.fresh.length === 0) {
      return this.#readOn(channel, place, isWanted);
    }
    const count = place.fresh.length;
    const taken = this.#host.take(channel, place.fresh);
    if (typeof taken === "number") return this.#onTaken(channel, place, count, taken);
    return taken.then((number) => this.#onTaken(channel, place, count, number));
  }

  #onTaken(channel: string, place: Place, count: number, taken: number): boolean {
    // It may have been forgotten, or begun anew elsewhere, while events were taken.
    if (this.#places.get(channel) !== place) return true;
    const last = place.fresh.splice(0, taken).at(-1);
    if (last !== undefined) place.cursor = last.sequence;
    this.#save(channel, place);
    if (isBehind(place)) this.#ready.add(channel);
    return taken >= count;
  }

  /** Reads what follows on the place; {@link #handOn} gives it on in the next turn. */
  async #readOn(channel: string, place: Place, wanted: boolean | Promise<boolean>): Promise<boolean> {
    const isWanted = await wanted;
    if (this.#places.get(channel) !== place) return true;
    if (isWanted && place.fresh.length > 0) {
      this.#ready.add(channel);
      return true;
    }
    if (!isBehind(place)) return true;
    place.fresh.length = 0;
    place.isReading = true;
    place.hasMore = false;
    let page: Page;
    try {
      page = await this.#host.read(channel, isWanted ? (place.cursor as After) : LATEST, PAGE_EVENTS);
    } catch (thrown) {
      place.hasMore = true;
      throw thrown;
    } finally {
      place.isReading = false;
    }
    if (this.#places.get(channel) !== place) return true;
    if (isWanted) place.fresh.push(...toEvents(channel, page));
    if (!page.upToDate && isWanted) {
      place.hasMore = true;
      // A turn for others: the runtime looks at its sockets when nothing else is left to do, and as long as pages follow
      // on pages something is. Without it a few readers with a backlog hold up every other connection of the process.
      await scheduler.wait(0);
      if (this.#places.get(channel) !== place) return true;
    }
    if (place.fresh.length === 0) place.cursor = page.next;
    this.#save(channel, place);
    if (isBehind(place)) this.#ready.add(channel);
    return true;
  }

  #place(channel: string): Place | undefined {
    const known = this.#places.get(channel);
    if (known !== undefined || !this.#host.isLasting()) return known;
    const [row] = this.#sql
      .exec<{ cursor: string; behind: number }>(
        "SELECT cursor, behind FROM places WHERE channel = ?",
        channel,
      )
      .toArray();
    return row && this.#add(channel, toPlace(row.cursor, row.behind === 1));
  }

  #add(channel: string, place: Place): Place {
    this.#places.set(channel, place);
    if (this.#places.size > MAX_PLACES) {
      for (const [name, old] of this.#places) {
        if (!isBehind(old) && !old.isReading && old !== place) {
          this.#places.delete(name);
          break;
        }
      }
    }
    return place;
  }

  #save(channel: string, place: Place): void {
    if (this.#places.get(channel) !== place) this.#add(channel, place);
    if (this.#host.isLasting()) this.#write(channel, place);
  }

  #write(channel: string, place: Place): void {
    place.isNoted = isBehind(place);
    this.#sql.exec(
      "INSERT OR REPLACE INTO places VALUES (?, ?, ?)",
      channel,
      place.cursor,
      place.isNoted ? 1 : 0,
    );
  }
}

function toPlace(cursor: string, hasMore: boolean): Place {
  return { cursor, fresh: [], hasMore, isReading: false, isNoted: hasMore };
}

function isBehind({ fresh, hasMore }: Place): boolean {
  return hasMore || fresh.length > 0;
}

/** Takes over events that news brought, where they follow on what is known; false where they do not. */
function addFresh(place: Place, end: string, { after, events }: ChannelNews): boolean {
  if (events === undefined || place.hasMore || place.isReading) return false;
  if (parseCursor(end)?.epoch !== parseCursor(after)?.epoch || after > end) return false;
  const added = events.filter(({ sequence }) => sequence > end);
  if (place.fresh.length + added.length > MAX_FRESH_EVENTS) return false;
  place.fresh.push(...added);
  return true;
}

/** The events of a page, and before them what was missed, as an event of its own. */
function toEvents(channel: string, { gap, events }: Page): readonly StoredEvent[] {
  if (gap === undefined) return events;
  const json = encodeGapEvent(channel, gap, Date.now());
  return [{ sequence: gap.resumedAt, type: GAP_TYPE, json }, ...events];
}
