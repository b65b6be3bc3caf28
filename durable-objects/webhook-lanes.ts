import type { ChannelGlob } from "../core/channel-name.ts";
import { isFollowed } from "./subscriber.ts";

/** A channel at an endpoint: where it stands, and when it goes on. */
export interface Lane {
  readonly channel: string;
  /** Everything up to here was settled: delivered, a dead letter, or not wanted. */
  readonly cursor: string;
  /** When the next attempt is due. */
  readonly dueMs: number;
  /** Whether the owner may read it, as of `checkedMs`. */
  readonly isAllowed: boolean;
  readonly checkedMs: number;
}

interface LaneRow extends Record<string, SqlStorageValue> {
  channel: string;
  cursor: string;
  due_ms: number;
  allowed: number;
  checked_ms: number;
}

/** Where an endpoint stands in each of its channels, in SQLite. */
export class WebhookLanes {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Notes that there is something to read on a channel; a channel that is new begins at `cursor`. */
  note(channel: string, cursor: string, nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO lanes VALUES (?, ?, 1, ?, 0, 0)
        ON CONFLICT (channel) DO UPDATE SET news = 1, due_ms = excluded.due_ms WHERE news = 0`,
      channel,
      cursor,
      nowMs,
    );
  }

  /** Goes (back) to a cursor. */
  reset(channel: string, cursor: string, nowMs: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO lanes VALUES (?, ?, 1, ?, 0, 0)", channel, cursor, nowMs);
  }

  /** Everything up to `cursor` is settled. @param hasNews whether there may be something after it */
  move(channel: string, cursor: string, hasNews: boolean, nowMs: number): void {
    this.#sql.exec(
      "UPDATE lanes SET cursor = ?, news = ?, due_ms = ? WHERE channel = ?",
      cursor,
      hasNews ? 1 : 0,
      nowMs,
      channel,
    );
  }

  postpone(channel: string, dueMs: number): void {
    this.#sql.exec("UPDATE lanes SET due_ms = ? WHERE channel = ?", dueMs, channel);
  }

  setAllowed(channel: string, isAllowed: boolean, nowMs: number): void {
    this.#sql.exec(
      "UPDATE lanes SET allowed = ?, checked_ms = ? WHERE channel = ?",
      isAllowed ? 1 : 0,
      nowMs,
      channel,
    );
  }

  /** All that wait are due now. */
  restart(nowMs: number): void {
    this.#sql.exec("UPDATE lanes SET due_ms = min(due_ms, ?)", nowMs);
  }

  /** Whether the owner may read them is asked anew. */
  recheck(): void {
    this.#sql.exec("UPDATE lanes SET checked_ms = 0");
  }

  get(channel: string): Lane | undefined {
    return this.#rows("SELECT * FROM lanes WHERE channel = ? AND news = 1", channel)[0];
  }

  has(channel: string): boolean {
    return this.#sql.exec("SELECT 1 FROM lanes WHERE channel = ?", channel).toArray().length > 0;
  }

  /** Those with something to read, the ones that are due first in front. */
  waiting(limit: number): readonly Lane[] {
    return this.#rows("SELECT * FROM lanes WHERE news = 1 ORDER BY due_ms LIMIT ?", limit);
  }

  /** Leaves the channels that no pattern reaches any more. Gives their names. */
  removeOthers(globs: readonly ChannelGlob[]): readonly string[] {
    const names = this.#sql.exec<{ channel: string }>("SELECT channel FROM lanes").toArray();
    const left = names.filter(({ channel }) => !isFollowed(channel, globs)).map(({ channel }) => channel);
    for (const channel of left) this.#sql.exec("DELETE FROM lanes WHERE channel = ?", channel);
    return left;
  }

  #rows(query: string, ...parameters: SqlStorageValue[]): Lane[] {
    return this.#sql
      .exec<LaneRow>(query, ...parameters)
      .toArray()
      .map(({ channel, cursor, due_ms, allowed, checked_ms }) => ({
        channel,
        cursor,
        dueMs: due_ms,
        isAllowed: allowed === 1,
        checkedMs: checked_ms,
      }));
  }
}
