import type { ChannelName } from "../core/channel-name.ts";
import type { After } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import { encodeGapEvent, GAP_TYPE } from "../core/event.ts";
import type { LogState, Start } from "../core/log-state.ts";
import { cursorAt, resolveStart } from "../core/log-state.ts";
import type { FeedRecord, Subscription } from "../core/ports.ts";
import type { LogPage, Position, RedisLog } from "./redis-log.ts";
import type { RedisTail, TailItem, TailReader } from "./redis-tail.ts";

export interface SubscriptionOptions {
  readonly log: RedisLog;
  readonly tail: RedisTail;
  readonly channel: ChannelName;
  /** The connection whose own unstored events are left out; "" for none. */
  readonly sender: string;
  readonly maxBufferBytes: number;
  readonly onClosed: () => void;
}

/** Events in one page of a catch-up. */
const PAGE_EVENTS = 500;

/**
 * A live reader of a channel in Redis. It reads pages until it has all, and is then told by the process's one tail. Where
 * it falls behind by more than `maxBufferBytes`, what waits for it is dropped and it reads pages again, at its own
 * pace: the log is its buffer. What is not stored passes it by meanwhile.
 */
export class RedisSubscription implements Subscription, TailReader {
  readonly #options: SubscriptionOptions;
  #position: Position;
  #isLive = false;
  #items: TailItem[] = [];
  #bufferedBytes = 0;
  /** Why nothing more comes. */
  #end: { readonly error: EverywireError | undefined } | undefined;
  #wake: (() => void) | undefined;
  readonly #opening: readonly FeedRecord[];
  /** What the first read gave. */
  #first: LogPage | undefined;

  private constructor(options: SubscriptionOptions, page: LogPage, start: Start) {
    const { channel } = options;
    const { state, news } = page;
    this.#options = options;
    this.#position = {
      channel,
      epoch: state.epoch,
      endedLives: state.endedLives,
      number: start.number,
      news,
    };
    this.#first = page;
    const position: FeedRecord = { kind: "position", cursor: cursorAt(state, start.number) };
    this.#opening = start.gap === undefined ? [position] : [position, toGapRecord(channel, start.gap)];
    // At once where it is up to date: what comes between this and its first look at the records is then not late.
    if (isRead(state, start.number)) this.#join();
  }

  /** @throws EverywireError `invalid_argument` where the cursor is none */
  static async open(options: SubscriptionOptions, after: After): Promise<RedisSubscription> {
    const page = await options.log.read(options.channel, after, PAGE_EVENTS);
    return new RedisSubscription(options, page, resolveStart(page.state, after));
  }

  get position(): Position {
    return this.#position;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly FeedRecord[]> {
    try {
      yield this.#opening;
      for (;;) {
        const records = this.#isLive ? await this.#takeLive() : await this.#takePage();
        if (this.#end !== undefined && records.length === 0) {
          if (this.#end.error !== undefined) throw this.#end.error;
          return;
        }
        if (records.length > 0) yield records;
      }
    } finally {
      this.close();
    }
  }

  close(): void {
    this.#options.tail.leave(this);
    if (this.#end === undefined) this.#options.onClosed();
    this.#end ??= { error: undefined };
    this.#wake?.();
  }

  onItems(items: readonly TailItem[], epoch: string | undefined): void {
    this.#position = { ...this.#position, epoch };
    for (const item of items) {
      this.#items.push(item);
      this.#bufferedBytes += item.record.kind === "position" ? 0 : item.record.json.length;
    }
    // What came at once is always taken: one look brings as much as Redis answers with.
    if (this.#bufferedBytes > this.#options.maxBufferBytes && this.#items.length > items.length)
      this.#fallBehind();
    this.#wake?.();
  }

  onCut(reason: "over" | "lost"): void {
    if (reason === "over") this.#finish(new EverywireError("gone", "The channel was deleted."));
    // What is gone is told by the page that is read next.
    else this.#fallBehind();
    this.#wake?.();
  }

  #fallBehind(): void {
    this.#options.tail.leave(this);
    this.#isLive = false;
    this.#items = [];
    this.#bufferedBytes = 0;
  }

  #join(): void {
    this.#isLive = this.#options.tail.join(this);
  }

  async #takeLive(): Promise<readonly FeedRecord[]> {
    while (this.#items.length === 0 && this.#end === undefined && this.#isLive) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const items = this.#items;
    this.#items = [];
    this.#bufferedBytes = 0;
    const { number, news } = this.#position;
    const fresh = items.filter((item) =>
      item.kind === "event"
        ? item.number > number
        : item.news > news && (item.sender === "" || item.sender !== this.#options.sender),
    );
    this.#passed(items);
    return fresh.map(({ record }) => record);
  }

  #passed(items: readonly TailItem[]): void {
    let { number, news } = this.#position;
    for (const item of items) {
      news = Math.max(news, item.news);
      if (item.kind === "event") number = Math.max(number, item.number);
    }
    this.#position = { ...this.#position, number, news };
  }

  /** What is there beyond the position; joins the tail where that is all. */
  async #takePage(): Promise<readonly FeedRecord[]> {
    const known = this.#first;
    this.#first = undefined;
    const { channel, epoch, endedLives, number } = this.#position;
    const page = known ?? (await this.#readOn());
    if (this.#end !== undefined) return [];
    const { state, news } = page;
    if (state.endedLives !== endedLives || (epoch !== undefined && state.epoch !== epoch)) {
      this.onCut("over");
      return [];
    }
    const start =
      known === undefined ? resolveStart(state, this.#cursor(number)) : { number, gap: undefined };
    const fresh = page.entries.filter((entry) => entry.number > start.number);
    const last = fresh.at(-1)?.number ?? start.number;
    this.#position = { channel, epoch: state.epoch, endedLives, number: last, news };
    if (isRead(state, last)) this.#join();
    const records = fresh.map(
      ({ sequence, type, json }): FeedRecord => ({ kind: "event", cursor: sequence, type, json }),
    );
    return start.gap === undefined ? records : [toGapRecord(channel, start.gap), ...records];
  }

  #readOn(): Promise<LogPage> {
    const { channel, number } = this.#position;
    return this.#options.log.read(channel, this.#cursor(number), PAGE_EVENTS);
  }

  #cursor(number: number): After {
    const { epoch, endedLives } = this.#position;
    return cursorAt({ epoch, endedLives, head: number, first: 1 }, number) as After;
  }

  #finish(error: EverywireError): void {
    if (this.#end === undefined) this.#options.onClosed();
    this.#end ??= { error };
    this.#wake?.();
  }
}

function isRead({ epoch, head }: LogState, number: number): boolean {
  return epoch === undefined || number >= head;
}

function toGapRecord(channel: ChannelName, gap: NonNullable<Start["gap"]>): FeedRecord {
  const json = encodeGapEvent(channel, gap, Date.now());
  return { kind: "gap", cursor: gap.resumedAt, type: GAP_TYPE, json };
}
