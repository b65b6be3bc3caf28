import { MAX_OUTBOX_BATCH, MAX_RETRY_MS, retryDelayMs, takeBatch } from "../core/outbox-rules.ts";
import type { EncodedEvent } from "../core/ports.ts";
import type { OutboxEvent } from "../core/records.ts";
import type { Failure } from "../core/result.ts";

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

type OutboxRow = { position: number; type: string; json: string; dedupe_key: string | null };

/**
 * Carries events from the store to their channels, after the write that made them has committed.
 *
 * A row is deleted when its channel has it. A crash in between sends it again, and the channel knows it by its id: so
 * nothing is lost and nothing comes twice. Each channel is drained by one loop at a time, in order; channels do not
 * wait for each other.
 */
export class Outbox {
  readonly #sql: SqlStorage;
  readonly #appender: ChannelAppender;
  readonly #draining = new Map<string, Promise<void>>();

  constructor(sql: SqlStorage, appender: ChannelAppender) {
    this.#sql = sql;
    this.#appender = appender;
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
    for (;;) {
      const batch = takeBatch(this.#waiting(channel));
      const last = batch.at(-1);
      if (last === undefined) return;
      if (!(await this.#send(channel, batch))) {
        this.#sql.exec(
          "UPDATE outbox SET attempts = attempts + 1 WHERE channel = ? AND position <= ?",
          channel,
          last.position,
        );
        return;
      }
      this.#sql.exec("DELETE FROM outbox WHERE channel = ? AND position <= ?", channel, last.position);
    }
  }

  #waiting(channel: string): readonly OutboxRow[] {
    return this.#sql
      .exec<OutboxRow>(
        "SELECT position, type, json, dedupe_key FROM outbox WHERE channel = ? ORDER BY position LIMIT ?",
        channel,
        MAX_OUTBOX_BATCH,
      )
      .toArray();
  }

  async #send(channel: string, batch: readonly OutboxRow[]): Promise<boolean> {
    const events = batch.map(({ type, json, dedupe_key }) => ({
      type,
      json,
      dedupeKey: dedupe_key ?? undefined,
    }));
    try {
      const result = await this.#appender.append(channel, events);
      if (typeof result === "string") return true;
      console.error(`outbox: '${channel}' refused ${events.length} events: ${result.error.message}`);
      return false;
    } catch (thrown) {
      console.error(`outbox: '${channel}' could not be reached`, thrown);
      return false;
    }
  }
}

/** When the alarm is next needed; undefined for never. Pure. */
export function nextAlarmMs(state: {
  readonly nowMs: number;
  /** Of the outbox; undefined where it is empty. */
  readonly leastAttempts: number | undefined;
  /** When the oldest idempotency key is over its time; undefined where there is none. */
  readonly keyExpiryMs: number | undefined;
}): number | undefined {
  const { nowMs, leastAttempts, keyExpiryMs } = state;
  const times: number[] = [];
  if (leastAttempts !== undefined) times.push(nowMs + retryDelayMs(leastAttempts));
  // Keys are swept at most once a minute, however many there are.
  if (keyExpiryMs !== undefined) times.push(Math.max(keyExpiryMs, nowMs + MAX_RETRY_MS));
  return times.length === 0 ? undefined : Math.min(...times);
}
