import type { ChannelName } from "../core/channel-name.ts";
import type { After } from "../core/cursor.ts";
import { createEpoch, EARLIEST, formatCursor, LATEST, parseCursor } from "../core/cursor.ts";
import { EverywireError } from "../core/error.ts";
import { withSequence } from "../core/event.ts";
import type { LogState } from "../core/log-state.ts";
import { decideProducer } from "../core/log-state.ts";
import type { AppendRequest, EncodedEvent, ProducerStamp, StoredEvent } from "../core/ports.ts";
import type { Settings } from "../core/settings.ts";
import { encodeReceipts } from "../wire/rpc-text.ts";
import type { AppendOutcome } from "./append-batches.ts";
import type { RedisClient, Reply } from "./redis-client.ts";
import { toList, toText } from "./redis-client.ts";
import {
  APPEND_SCRIPT,
  BROADCAST_SCRIPT,
  DELETE_SCRIPT,
  LOOK_SCRIPT,
  READ_SCRIPT,
  TAKE_RATE_SCRIPT,
} from "./redis-log-scripts.ts";

/** An event of the log, with its place in it and what a look compares. */
export interface LogEntry extends StoredEvent {
  readonly number: number;
  readonly news: number;
}

/** An event that is not stored. */
export interface UnstoredEvent {
  readonly news: number;
  /** The connection that must not get it back; "" where there is none. */
  readonly sender: string;
  readonly type: string;
  readonly json: string;
}

export interface LogPage {
  readonly state: LogState;
  /** What the counter of all news stood at: what comes after this read has a higher one. */
  readonly news: number;
  readonly entries: readonly LogEntry[];
}

/** How far a reader of a channel is, in one life of it. */
export interface Position {
  readonly channel: ChannelName;
  /** Undefined before the first event. */
  readonly epoch: string | undefined;
  readonly endedLives: number;
  readonly number: number;
  readonly news: number;
}

/** What a look found for one of the positions that were asked about. */
export type Found =
  | { readonly kind: "over" | "lost"; readonly index: number }
  | {
      readonly kind: "more";
      readonly index: number;
      readonly epoch: string | undefined;
      readonly head: number;
      readonly entries: readonly LogEntry[];
      readonly unstored: readonly UnstoredEvent[];
    };

/** Events in one answer, in bytes: within the smallest answer that a plan of Upstash allows. */
const PAGE_BYTES = "600000";
/** A publisher whose clock is behind the one that began the last life takes the time of that life, and goes on from it. */
const MAX_EPOCH_TRIES = 3;
const EPOCH_TIME_WIDTH = 9;

type Scripted = (...args: readonly string[]) => Promise<Reply>;

/** The logs of channels in Redis: each call is one script, so atomic and one round trip. */
export class RedisLog {
  readonly #settings: Settings;
  readonly #append: Scripted;
  readonly #read: Scripted;
  readonly #look: Scripted;
  readonly #broadcast: Scripted;
  readonly #takeRate: Scripted;
  readonly #delete: Scripted;

  constructor(redis: RedisClient, settings: Settings) {
    this.#settings = settings;
    this.#append = redis.script(APPEND_SCRIPT);
    this.#read = redis.script(READ_SCRIPT);
    this.#look = redis.script(LOOK_SCRIPT);
    this.#broadcast = redis.script(BROADCAST_SCRIPT);
    this.#takeRate = redis.script(TAKE_RATE_SCRIPT);
    this.#delete = redis.script(DELETE_SCRIPT);
  }

  /** Appends several requests in one script; an outcome for each, in order. */
  async append(channel: ChannelName, requests: readonly AppendRequest[]): Promise<readonly AppendOutcome[]> {
    const { limits } = this.#settings;
    const heads = requests.map(({ events, rateKey, producer }) => ({
      count: events.length,
      rateKey,
      producer,
    }));
    const events = requests.flatMap((request) =>
      request.events.flatMap(({ type, dedupeKey, json }) => [type, dedupeKey ?? "", json]),
    );
    const nowMs = Date.now();
    let epochMs = nowMs;
    for (let tries = 0; tries < MAX_EPOCH_TRIES; tries += 1) {
      const [status, epoch, ...answers] = toList(
        await this.#append(
          channel,
          createEpoch(epochMs, Math.random()),
          String(nowMs),
          String(limits.RETENTION_MAX_EVENTS),
          String(limits.RETENTION_MAX_AGE_SECONDS * 1000),
          String(limits.DEDUPE_WINDOW_SECONDS * 1000),
          this.#publishesPerSecond(),
          JSON.stringify(heads),
          ...events,
        ),
      );
      if (status === "ok") {
        return requests.map(({ producer }, index) =>
          this.#toOutcome(toList(answers[index]), toText(epoch), producer),
        );
      }
      epochMs = Number.parseInt(toText(epoch).slice(0, EPOCH_TIME_WIDTH), 36) + 1;
    }
    throw new Error("redis: a life of a channel could not begin.");
  }

  /** A page, and the state that says what `after` means: see `resolveStart`. */
  async read(channel: ChannelName, after: After, limit: number): Promise<LogPage> {
    const { limits } = this.#settings;
    const cursor = after === LATEST || after === EARLIEST ? undefined : parseCursor(after);
    const [epoch, lives, head, first, news, page] = toList(
      await this.#read(
        channel,
        cursor?.epoch ?? after,
        String(cursor?.number ?? 0),
        String(limit),
        PAGE_BYTES,
        String(Date.now() - limits.RETENTION_MAX_AGE_SECONDS * 1000),
        String(limits.RETENTION_MAX_EVENTS),
      ),
    );
    const life = toText(epoch);
    return {
      state: {
        epoch: life === "" ? undefined : life,
        endedLives: Number(lives),
        head: Number(head),
        first: Number(first),
      },
      news: Number(news),
      entries: toEntries(life, toList(page)),
    };
  }

  /** What is new for each of the positions, where there is anything. @param knownNews what the last look said */
  async look(
    positions: readonly Position[],
    knownNews: number,
  ): Promise<{ readonly news: number; readonly found: readonly Found[] }> {
    const [news, ...found] = toList(
      await this.#look(
        String(knownNews),
        PAGE_BYTES,
        String(this.#settings.limits.RETENTION_MAX_EVENTS),
        ...positions.flatMap(({ channel, epoch, endedLives, number, news: seen }) => [
          channel,
          epoch ?? "",
          String(endedLives),
          String(number),
          String(seen),
        ]),
      ),
    );
    return { news: Number(news), found: found.map((each) => toFound(toList(each))) };
  }

  /** @param sender the connection that does not get them back @throws EverywireError `rate_limited` */
  async broadcast(
    channel: ChannelName,
    events: readonly EncodedEvent[],
    rateKey: string | undefined,
    sender: string,
  ): Promise<void> {
    if (events.length === 0) return;
    const waitMs = await this.#broadcast(
      channel,
      String(Date.now()),
      this.#publishesPerSecond(),
      rateKey ?? "",
      sender,
      ...events.flatMap(({ type, json }) => [type, json]),
    );
    if (Number(waitMs) > 0) throw this.#rateExceeded(Number(waitMs));
  }

  /** @throws EverywireError `rate_limited` */
  async takeRate(channel: ChannelName, rateKey: string, cost: number): Promise<void> {
    const perSecond = this.#publishesPerSecond();
    if (perSecond === "0") return;
    const waitMs = await this.#takeRate(channel, String(Date.now()), perSecond, rateKey, String(cost));
    if (Number(waitMs) > 0) throw this.#rateExceeded(Number(waitMs));
  }

  /** Ends this life of a channel; true where there was one. */
  async delete(channel: ChannelName): Promise<boolean> {
    return (await this.#delete(channel)) === 1;
  }

  #publishesPerSecond(): string {
    return this.#settings.hasRateLimits ? String(this.#settings.limits.PUBLISHES_PER_SECOND) : "0";
  }

  #rateExceeded(retryAfterMs: number): EverywireError {
    return new EverywireError(
      "rate_limited",
      `At most ${this.#settings.limits.PUBLISHES_PER_SECOND} publishes a second to one channel.`,
      { retryAfterMs },
    );
  }

  #toOutcome(answer: readonly Reply[], epoch: string, producer: ProducerStamp | undefined): AppendOutcome {
    const [status, ...rest] = answer;
    if (status === "rate") return { ok: false, error: this.#rateExceeded(Number(rest[0])).toData() };
    if (status === "producer") return { ok: false, error: toRefusal(toText(rest[0]), epoch, producer) };
    const receipts = [];
    for (let at = 0; at < rest.length; at += 2) {
      receipts.push({ sequence: formatCursor(epoch, Number(rest[at])), duplicate: rest[at + 1] === 1 });
    }
    return encodeReceipts(receipts);
  }
}

/** Why a producer was refused: decided by the script, and said by the rule itself. */
function toRefusal(known: string, epoch: string, producer: ProducerStamp | undefined) {
  if (producer === undefined) throw new Error("redis: a producer was refused that is none.");
  const [knownEpoch, sequence, number] = known.split(" ").map(Number);
  const record =
    knownEpoch === undefined || sequence === undefined || number === undefined
      ? undefined
      : { epoch: knownEpoch, sequence, cursor: formatCursor(epoch, number) };
  try {
    decideProducer(record, producer);
  } catch (thrown) {
    return EverywireError.from(thrown).toData();
  }
  throw new Error("redis: a producer was refused that may append.");
}

function toFound([place, kind, epoch, head, page, unstored]: readonly Reply[]): Found {
  const index = Number(place) - 1;
  if (kind === "over" || kind === "lost") return { kind, index };
  const life = toText(epoch);
  return {
    kind: "more",
    index,
    epoch: life === "" ? undefined : life,
    head: Number(head),
    entries: toEntries(life, toList(page)),
    unstored: toUnstored(toList(unstored)),
  };
}

function toEntries(epoch: string, page: readonly Reply[]): readonly LogEntry[] {
  const entries: LogEntry[] = [];
  for (let at = 0; at < page.length; at += 4) {
    const number = Number(page[at]);
    const sequence = formatCursor(epoch, number);
    entries.push({
      number,
      news: Number(page[at + 1]),
      sequence,
      type: toText(page[at + 2]),
      json: withSequence(toText(page[at + 3]), sequence),
    });
  }
  return entries;
}

function toUnstored(list: readonly Reply[]): readonly UnstoredEvent[] {
  const events: UnstoredEvent[] = [];
  for (let at = 0; at < list.length; at += 4) {
    events.push({
      news: Number(list[at]),
      sender: toText(list[at + 1]),
      type: toText(list[at + 2]),
      json: toText(list[at + 3]),
    });
  }
  return events;
}
