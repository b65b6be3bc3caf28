import type { After, Cursor } from "../core/cursor.ts";
import { parseCursor, UNBORN_EPOCH } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import type { Gap, Page, ReadRequest, StoredEvent } from "../core/ports.ts";
import type { Failure } from "../core/result.ts";
import type { FeedPlace } from "../wire/relay-text.ts";
import { decodeEventPage } from "../wire/rpc-text.ts";
import type { LogState } from "./channel-state.ts";
import { cursorAt, UNBORN } from "./channel-state.ts";
import type { LogPage, ReaderLog } from "./reader-log.ts";
import { RecentEvents } from "./recent-events.ts";

/** Events in one page of what was missed. */
const FILL_EVENTS = 500;

/** What readers of a relay that missed something are sent. */
export interface Missed {
  onGap(gap: Gap): void;
  onEvents(events: readonly StoredEvent[]): void;
}

/**
 * A channel's log as its relay sees it: where the relay's live readers stand, the newest events, and the way to the
 * others. Nothing of it is stored here.
 */
export class RelayLog implements ReaderLog {
  readonly #readPage: (request: ReadRequest) => Promise<string | Failure>;
  readonly #recent = new RecentEvents();
  #state: LogState = UNBORN;

  constructor(readPage: (request: ReadRequest) => Promise<string | Failure>) {
    this.#readPage = readPage;
  }

  get state(): LogState {
    return this.#state;
  }

  get life(): number {
    return this.#state.endedLives;
  }

  /** The cursor of the newest event that live readers were sent. */
  get at(): string {
    return cursorAt(this.#state, this.#state.head);
  }

  /** Goes to a place that nobody has to be brought to. */
  moveTo({ life, at }: Pick<FeedPlace, "life" | "at">): void {
    this.#recent.clear();
    this.#advance(life, at);
  }

  /** Goes on by events that come next. Gives those that are new, which live readers have to be sent. */
  take(events: readonly StoredEvent[]): readonly StoredEvent[] {
    const { at } = this;
    const fresh = events.filter(({ sequence }) => sequence > at);
    const last = fresh.at(-1);
    if (last === undefined) return fresh;
    this.#advance(this.life, last.sequence);
    this.#recent.add(fresh, this.#state.head);
    return fresh;
  }

  /** Reads what was missed, up to a cursor, and goes there. */
  async fill(to: string, missed: Missed): Promise<void> {
    const { life } = this;
    while (this.at < to && this.life === life) {
      const page = await this.#ask(this.at as After, FILL_EVENTS);
      // It ended meanwhile, and with it what was missed; that is told next.
      if (toPlace(page.next).epoch > toPlace(to).epoch) return this.moveTo({ life, at: to });
      if (page.gap !== undefined) {
        missed.onGap(page.gap);
        this.moveTo({ life, at: page.gap.resumedAt });
      }
      const fresh = this.take(page.events.filter(({ sequence }) => sequence <= to));
      missed.onEvents(fresh);
      if (fresh.length === 0 && this.at < to) this.moveTo({ life, at: to });
    }
  }

  read(number: number, limit: number): LogPage | Promise<LogPage> {
    const { head } = this.#state;
    if (number >= head) return { events: [], last: number };
    const events = this.#recent.since(number, head)?.slice(0, limit);
    return events === undefined ? this.#readFar(number, limit) : { events, last: number + events.length };
  }

  async #readFar(number: number, limit: number): Promise<LogPage> {
    const page = await this.#ask(cursorAt(this.#state, number) as After, limit);
    const next = toPlace(page.next);
    const { epoch, head } = this.#state;
    // Of another life: whoever asked is about to be told that this one is over.
    if (next.epoch !== epoch) return { events: [], last: number };
    // What is newer comes live.
    const { at } = this;
    const events = page.events.filter(({ sequence }) => sequence <= at);
    return { events, last: Math.min(next.number, head) };
  }

  async #ask(after: After, limit: number): Promise<Page> {
    const answer = await this.#readPage({ after, limit });
    if (typeof answer !== "string") throw EverywireError.fromData(answer.error);
    return decodeEventPage(answer);
  }

  #advance(endedLives: number, at: string): void {
    const { epoch, number } = toPlace(at);
    this.#state =
      epoch === UNBORN_EPOCH ? { ...UNBORN, endedLives } : { epoch, endedLives, head: number, first: 1 };
  }
}

/** The number of a cursor within its life: before the first event that is none. */
export function toNumber(cursor: string): number {
  const { epoch, number } = toPlace(cursor);
  return epoch === UNBORN_EPOCH ? 0 : number;
}

function toPlace(cursor: string): Cursor {
  const place = parseCursor(cursor);
  if (place === undefined) throw new Error("Not a cursor.");
  return place;
}
