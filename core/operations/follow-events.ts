import type { ChannelName } from "../channel-name.ts";
import type { OperationContext } from "../context.ts";
import type { After } from "../cursor.ts";
import { EARLIEST, LATEST } from "../cursor.ts";
import { EverywireError } from "../error.ts";
import { encodeGapEvent, GAP_TYPE } from "../event.ts";
import type { FeedRecord, Page, Subscription } from "../ports.ts";
import { readEvents, subscribeToEvents } from "./read-events.ts";

const PAGE_EVENTS = 500;

/**
 * A live subscription that goes at its reader's pace. What is already in the log is read page by page as the reader
 * takes it, and only at the end of the log does the channel push; a reader that cannot keep up with that is put back
 * to reading pages, in place of being cut. So it holds one page, or one subscription's buffer, however much there is.
 *
 * The first record is the position where the reader begins: `earliest` where the log has told no other.
 *
 * @throws EverywireError `unauthenticated`, `permission_denied`, `invalid_argument`; iterating, `gone` where the
 *   channel was deleted, `unavailable` where it cannot be reached
 */
export async function followEvents(
  context: OperationContext,
  channel: ChannelName,
  after: After,
): Promise<Subscription> {
  const read = (from: After) => readEvents(context, channel, { after: from, limit: PAGE_EVENTS });
  const subscribe = (from: After) => subscribeToEvents(context, channel, from);
  // The first step is taken here, so that a refusal is one before anything is answered.
  if (after === LATEST)
    return new PacedSubscription(channel, read, subscribe, { live: await subscribe(after) });
  return new PacedSubscription(channel, read, subscribe, { page: await read(after), after });
}

/** Either what the channel pushes, or the next page of what it has. */
type Source = { readonly live: Subscription } | { readonly page: Page; readonly after: After };

class PacedSubscription implements Subscription {
  readonly #channel: ChannelName;
  readonly #read: (after: After) => Promise<Page>;
  readonly #subscribe: (after: After) => Promise<Subscription>;
  readonly #first: Source;
  #live: Subscription | undefined;
  #isClosed = false;
  #cursor: string | undefined;

  constructor(
    channel: ChannelName,
    read: (after: After) => Promise<Page>,
    subscribe: (after: After) => Promise<Subscription>,
    first: Source,
  ) {
    this.#channel = channel;
    this.#read = read;
    this.#subscribe = subscribe;
    this.#first = first;
    if ("live" in first) this.#live = first.live;
  }

  close(): void {
    this.#isClosed = true;
    this.#live?.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly FeedRecord[], void, undefined> {
    try {
      if ("page" in this.#first) yield* this.#readOn(this.#first.page, this.#first.after);
      while (!this.#isClosed) {
        const before = this.#cursor;
        try {
          yield* this.#listen();
          return;
        } catch (thrown) {
          // Too slow, or the channel was moved: the log knows what was missed. Without any headway it is down.
          const isBehind = thrown instanceof EverywireError && thrown.code === "unavailable";
          if (!isBehind || this.#cursor === undefined || this.#cursor === before) throw thrown;
        }
        const after = this.#cursor as After;
        yield* this.#readOn(await this.#read(after), undefined);
      }
    } finally {
      this.close();
    }
  }

  /** Gives page after page up to the end of the log. @param start where the very first page was asked from */
  async *#readOn(
    first: Page,
    start: After | undefined,
  ): AsyncGenerator<readonly FeedRecord[], void, undefined> {
    let page = first;
    let records = start === undefined ? [] : [toPosition(page, start)];
    for (;;) {
      if (page.gap !== undefined) {
        const json = encodeGapEvent(this.#channel, page.gap, Date.now());
        records.push({ kind: "gap", cursor: page.gap.resumedAt, type: GAP_TYPE, json });
      }
      for (const { sequence, type, json } of page.events) {
        records.push({ kind: "event", cursor: sequence, type, json });
      }
      this.#cursor = page.next;
      if (records.length > 0) yield records;
      if (page.upToDate || this.#isClosed) return;
      records = [];
      page = await this.#read(page.next as After);
    }
  }

  async *#listen(): AsyncGenerator<readonly FeedRecord[], void, undefined> {
    const from = this.#cursor;
    this.#live ??= await this.#subscribe(from as After);
    const live = this.#live;
    try {
      // Closed while the subscription was being opened.
      if (this.#isClosed) return;
      for await (const records of live) {
        // Where it begins is known already, where it went on from a page.
        const news = records.filter((record) => record.kind !== "position" || record.cursor !== from);
        for (const record of records) if (record.kind !== "ephemeral") this.#cursor = record.cursor;
        if (news.length > 0) yield news;
      }
    } finally {
      this.#live = undefined;
      live.close();
    }
  }
}

function toPosition(page: Page, after: After): FeedRecord {
  const isAtEnd = after === EARLIEST && page.events.length === 0;
  return { kind: "position", cursor: page.gap?.resumedAt ?? (isAtEnd ? page.next : after) };
}
