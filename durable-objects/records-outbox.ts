import type { ErrorData } from "../core/error.ts";
import { MAX_OUTBOX_BATCH, MAX_RETRY_MS, retryDelayMs, takeBatch } from "../core/outbox-rules.ts";
import type { EncodedEvent } from "../core/ports.ts";
import type { OutboxEvent } from "../core/records.ts";
import type { Failure } from "../core/result.ts";
import type { DeadLetters } from "./records-dead-letters.ts";
import { isLasting, MAX_REFUSALS } from "./records-dead-letters.ts";

/** What the outbox needs of a channel. */
export interface ChannelAppender {
  append(channel: string, events: readonly EncodedEvent[]): Promise<string | Failure>;
}

const MAX_CHANNELS_AT_ONCE = 20;

/** Puts events into the outbox, as part of the transaction of the write that made them. */
export function addToOutbox(sql: SqlStorage, events: readonly OutboxEvent[]): void {
  for (const { channel, type, json, dedupeKey } of events) {
    sql.exec(
      "INSERT INTO outbox (channel, type, json, dedupe_key) VALUES (?, ?, ?, ?)",
      channel,
      type,
      json,
      dedupeKey ?? null,
    );
  }
}

type OutboxRow = {
  position: number;
  type: string;
  json: string;
  dedupe_key: string | null;
  refusals: number;
};

/**
 * Carries events from the store to their channels, after the write that made them has committed.
 *
 * A row is deleted when its channel has it. A crash in between sends it again, and the channel knows it by its id: so
 * nothing is lost and nothing comes twice. Each channel is drained by one loop at a time, in order; channels do not
 * wait for each other. A row that its channel refuses again and again, for what it is, becomes a dead letter, so that
 * those behind it go on.
 */
export class Outbox {
  readonly #sql: SqlStorage;
  readonly #appender: ChannelAppender;
  readonly #dead: DeadLetters;
  readonly #draining = new Map<string, Promise<void>>();

  constructor(sql: SqlStorage, appender: ChannelAppender, dead: DeadLetters) {
    this.#sql = sql;
    this.#appender = appender;
    this.#dead = dead;
  }

  /** Sends what there is for these channels. Resolves when each is empty or has failed; it never rejects. */
  async drain(channels: Iterable<string>): Promise<void> {
    await Promise.all([...new Set(channels)].map((channel) => this.#drainOnce(channel)));
  }

  /** Sends what there is for some channels, those first that failed least: who is stuck must not hold up the rest. */
  async drainAll(): Promise<void> {
    await this.drain(
      this.#sql
        .exec<{ channel: string }>(
          "SELECT channel FROM outbox GROUP BY channel ORDER BY max(attempts), min(position) LIMIT ?",
          MAX_CHANNELS_AT_ONCE,
        )
        .toArray()
        .map((row) => row.channel),
    );
  }

  /** How often the channel that was tried least was tried; undefined where none waits. */
  leastAttempts(): number | undefined {
    const { attempts } = this.#sql
      .exec<{ attempts: number | null }>(
        "SELECT min(tried) AS attempts FROM (SELECT max(attempts) AS tried FROM outbox GROUP BY channel)",
      )
      .one();
    return attempts ?? undefined;
  }

  /** One loop a channel: who comes while it runs waits for the same loop, which looks again before it ends. */
  #drainOnce(channel: string): Promise<void> {
    const running = this.#draining.get(channel);
    if (running !== undefined) return running;
    const loop = this.#drainChannel(channel).finally(() => this.#draining.delete(channel));
    this.#draining.set(channel, loop);
    return loop;
  }

  async #drainChannel(channel: string): Promise<void> {
    // A batch is refused as a whole: which of its events the channel does not want shows when they go one by one.
    let isOneByOne = false;
    for (;;) {
      const waiting = takeBatch(this.#waiting(channel));
      const batch = isOneByOne ? waiting.slice(0, 1) : waiting;
      const last = batch.at(-1);
      if (last === undefined) return;
      const error = await this.#send(channel, batch);
      if (error === undefined) {
        this.#sql.exec("DELETE FROM outbox WHERE channel = ? AND position <= ?", channel, last.position);
      } else if (isLasting(error) && batch.length > 1) {
        isOneByOne = true;
      } else if (isLasting(error) && last.refusals + 1 >= MAX_REFUSALS) {
        console.error(`outbox: '${channel}' will not take an event, which is a dead letter now`);
        this.#dead.buryEvent(last.position, error, Date.now());
      } else {
        this.#sql.exec(
          "UPDATE outbox SET attempts = attempts + 1, refusals = refusals + ? WHERE channel = ? AND position <= ?",
          isLasting(error) ? 1 : 0,
          channel,
          last.position,
        );
        return;
      }
    }
  }

  #waiting(channel: string): readonly OutboxRow[] {
    return this.#sql
      .exec<OutboxRow>(
        "SELECT position, type, json, dedupe_key, refusals FROM outbox WHERE channel = ? ORDER BY position LIMIT ?",
        channel,
        MAX_OUTBOX_BATCH,
      )
      .toArray();
  }

  /** Why they could not be delivered; undefined where they were. */
  async #send(channel: string, batch: readonly OutboxRow[]): Promise<ErrorData | undefined> {
    const events = batch.map(({ type, json, dedupe_key }) => ({
      type,
      json,
      dedupeKey: dedupe_key ?? undefined,
    }));
    try {
      const result = await this.#appender.append(channel, events);
      if (typeof result === "string") return undefined;
      console.error(`outbox: '${channel}' refused ${events.length} events: ${result.error.message}`);
      return result.error;
    } catch (thrown) {
      console.error(`outbox: '${channel}' could not be reached`, thrown);
      return { code: "unavailable", message: "The channel could not be reached." };
    }
  }
}

/** When the alarm is next needed; undefined for never. Pure. */
export function nextAlarmMs(state: {
  readonly nowMs: number;
  /** Of the outbox; undefined where it is empty. */
  readonly leastAttempts: number | undefined;
  /** When a job is to be tried again; undefined where none waits. */
  readonly nextJobMs: number | undefined;
  /** When the oldest idempotency key is over its time; undefined where there is none. */
  readonly keyExpiryMs: number | undefined;
}): number | undefined {
  const { nowMs, leastAttempts, nextJobMs, keyExpiryMs } = state;
  const times: number[] = [];
  if (leastAttempts !== undefined) times.push(nowMs + retryDelayMs(leastAttempts));
  // One that is due at once is on its way already: this is for when it is lost.
  if (nextJobMs !== undefined) times.push(Math.max(nextJobMs, nowMs + retryDelayMs(0)));
  // Keys are swept at most once a minute, however many there are.
  if (keyExpiryMs !== undefined) times.push(Math.max(keyExpiryMs, nowMs + MAX_RETRY_MS));
  return times.length === 0 ? undefined : Math.min(...times);
}
