import type { StoredEvent } from "../core/ports.ts";
import type { LogState } from "./channel-state.ts";
import { cursorAt } from "./channel-state.ts";
import { RecentEvents } from "./recent-events.ts";
import type { ChannelNews, Following, SubscriberKey, SubscriberKind } from "./subscriber.ts";
import { TOLD_WITH_EVENTS } from "./subscriber.ts";

/** Tells one subscriber; rejects where it could not be reached. */
export type TellSubscriber = (key: SubscriberKey, news: ChannelNews) => Promise<void>;

/** Tells a live one of an event that is not stored. */
export type TellUnstored = (id: string, channel: string, json: string) => Promise<void>;

interface Subscriber extends SubscriberKey {
  /** The number of the newest event when the subscription began. */
  readonly from: number;
  /** The number up to which it was told. */
  told: number;
  isBusy: boolean;
}

/** How soon after an append an alarm looks whether everybody was told: a crash in between is rare, and costs this long. */
const RESCUE_MS = 3000;
const MAX_RETRY_MS = 60_000;

/**
 * The durable subscribers of one channel. They are told after an append that there is something new, one call at a time
 * each, so that a thousand appends in a row are few calls. Who they are is in SQLite; how far each was told is there
 * too, but a little late: after a crash somebody is told twice, and nobody never.
 */
export class ChannelSubscribers {
  readonly #sql: SqlStorage;
  readonly #tell: TellSubscriber;
  readonly #tellUnstored: TellUnstored;
  readonly #log: { readonly state: LogState; readonly hasSchema: boolean };
  readonly #name: () => string;
  #subscribers: Subscriber[] = [];
  #failures = 0;
  /** For subscribers that are told events with the news. */
  readonly #recent = new RecentEvents();

  constructor(
    sql: SqlStorage,
    log: { readonly state: LogState; readonly hasSchema: boolean },
    name: () => string,
    tell: TellSubscriber,
    tellUnstored: TellUnstored,
  ) {
    this.#sql = sql;
    this.#log = log;
    this.#name = name;
    this.#tell = tell;
    this.#tellUnstored = tellUnstored;
    if (log.hasSchema) this.#load();
  }

  get size(): number {
    return this.#subscribers.length;
  }

  /** Takes over who follows. A channel that has just begun (`isNew`) is followed from its first event. */
  set({ revision, subscribers }: Following, isNew: boolean): void {
    if (!this.#log.hasSchema) return;
    const row = this.#sql.exec<{ revision: number }>("SELECT revision FROM following").one();
    if (revision < row.revision) return;
    const from = isNew ? 0 : this.#log.state.head;
    this.#sql.exec("UPDATE following SET revision = ?", revision);
    const known = new Map(this.#subscribers.map((subscriber) => [toText(subscriber), subscriber]));
    // Thousands may follow, and each that comes or goes brings the whole list: only what differs is written.
    this.#subscribers = subscribers.map(({ kind, id }) => {
      const text = toText({ kind, id });
      const subscriber = known.get(text);
      known.delete(text);
      if (subscriber !== undefined) return subscriber;
      this.#sql.exec("INSERT OR IGNORE INTO subscribers VALUES (?, ?, ?, ?)", kind, id, from, from);
      return { kind, id, from, told: from, isBusy: false };
    });
    for (const { kind, id } of known.values()) {
      this.#sql.exec("DELETE FROM subscribers WHERE kind = ? AND id = ?", kind, id);
    }
  }

  /** Forgets them all, with the life of the log that they followed. */
  clear(): void {
    this.#subscribers = [];
    this.#recent.clear();
  }

  /** Keeps events that were appended just now, so that whoever hands them on at once need not read them. */
  note(fresh: readonly StoredEvent[]): void {
    if (this.#subscribers.length > 0) this.#recent.add(fresh, this.#log.state.head);
  }

  /** Tells whoever does not know of the newest event. It does not wait for them. */
  tellAll(): void {
    for (const subscriber of this.#subscribers) {
      if (!subscriber.isBusy && subscriber.told < this.#log.state.head) void this.#tellOne(subscriber);
    }
  }

  /** Tells who is live of an event that is not stored. It does not wait, and whoever is not reached misses it. */
  onUnstored(json: string): void {
    for (const { kind, id } of this.#subscribers) {
      if (kind === "mqtt") this.#tellUnstored(id, this.#name(), json).catch(() => undefined);
    }
  }

  /** Notes how far everybody was told, and tells the rest again. For the alarm. */
  settle(): void {
    if (this.#subscribers.length === 0) return;
    this.#save();
    this.tellAll();
  }

  /** When the alarm has to look here; undefined where everybody knows everything. */
  dueMs(nowMs: number): number | undefined {
    const { head } = this.#log.state;
    if (!this.#subscribers.some(({ told }) => told < head)) return undefined;
    return nowMs + Math.min(MAX_RETRY_MS, RESCUE_MS * 2 ** Math.min(this.#failures, 5));
  }

  async #tellOne(subscriber: Subscriber): Promise<void> {
    subscriber.isBusy = true;
    try {
      // Those that were appended while it was told are told next.
      for (let { state } = this.#log; subscriber.told < state.head; { state } = this.#log) {
        const { head } = state;
        const [from, newest] = [cursorAt(state, subscriber.from), cursorAt(state, head)];
        const events = TOLD_WITH_EVENTS.has(subscriber.kind)
          ? this.#recent.since(subscriber.told, head)
          : undefined;
        const after = cursorAt(state, subscriber.told);
        const news = { channel: this.#name(), from, head: newest, after };
        await this.#tell(subscriber, events === undefined ? news : { ...news, events });
        // A new life counts from the beginning.
        if (state.epoch === this.#log.state.epoch) subscriber.told = head;
        this.#failures = 0;
      }
    } catch (thrown) {
      this.#failures += 1;
      console.warn(
        `${subscriber.kind} ${subscriber.id} was not told of ${this.#name()}; it will be.`,
        thrown,
      );
    } finally {
      subscriber.isBusy = false;
    }
  }

  #save(): void {
    for (const { kind, id, told } of this.#subscribers) {
      this.#sql.exec(
        "UPDATE subscribers SET told = ? WHERE kind = ? AND id = ? AND told <> ?",
        told,
        kind,
        id,
        told,
      );
    }
  }

  #load(): void {
    this.#subscribers = this.#sql
      .exec<{ kind: SubscriberKind; id: string; from_number: number; told: number }>(
        "SELECT * FROM subscribers",
      )
      .toArray()
      .map(({ kind, id, from_number: from, told }) => ({ kind, id, from, told, isBusy: false }));
  }
}

function toText({ kind, id }: SubscriberKey): string {
  return `${kind} ${id}`;
}
