import type { StoredEvent } from "../core/log-entry.ts";
import type { GroupDeadLetter, GroupStatus, LeasedMessage, SettledLeases } from "../core/work-queue.ts";

/** A message that was handed out and is not settled, or is dead. One that was settled has no row. */
type Row = {
  sequence: string;
  /** The cursor before it. */
  previous: string;
  json: string;
  attempts: number;
  /** Undefined where no consumer has it. */
  lease_id: string | null;
  /** Until when it is leased; where it is not, from when on it may be handed out. */
  until_ms: number;
  /** Set where it is dead: how its last attempt ended. */
  dead: string | null;
};

const SCHEMA = [
  "CREATE TABLE place (only INTEGER PRIMARY KEY CHECK (only = 1), cursor TEXT NOT NULL)",
  `CREATE TABLE messages (
    sequence TEXT PRIMARY KEY,
    previous TEXT NOT NULL,
    json TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    lease_id TEXT UNIQUE,
    until_ms INTEGER NOT NULL,
    dead TEXT
  )`,
  "CREATE INDEX messages_by_time ON messages (dead, until_ms)",
  // Leases that were acknowledged, so that an ack which comes again after a lost answer is told the same.
  "CREATE TABLE settled (lease_id TEXT PRIMARY KEY, settled_ms INTEGER NOT NULL) WITHOUT ROWID",
];

const SETTLED_KEPT_MS = 10 * 60_000;

export interface NewLease {
  readonly leaseId: string;
  readonly untilMs: number;
}

/**
 * The state of one consumer group, in SQLite. Every method is one transaction and waits for nothing, so two consumers can
 * never be given the same message.
 */
export class WorkQueueStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #maxAttempts: number;
  #hasSchema: boolean;

  constructor(storage: DurableObjectStorage, maxAttempts: number) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#maxAttempts = maxAttempts;
    this.#hasSchema =
      this.#sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'place'").toArray().length >
      0;
  }

  /** Up to where messages were taken from the channel; undefined where none ever was. */
  get cursor(): string | undefined {
    if (!this.#hasSchema) return undefined;
    return this.#sql.exec<{ cursor: string }>("SELECT cursor FROM place").toArray()[0]?.cursor;
  }

  /** Messages that are leased, or wait to be handed out again. */
  get unsettled(): number {
    if (!this.#hasSchema) return 0;
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM messages WHERE dead IS NULL").one().n;
  }

  /** Takes back what is over its time, and buries what was handed out as often as may be. */
  expire(nowMs: number, keepDeadMs: number): void {
    if (!this.#hasSchema) return;
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        `UPDATE messages SET lease_id = NULL, dead = CASE WHEN attempts >= ? THEN 'expired' END
         WHERE dead IS NULL AND lease_id IS NOT NULL AND until_ms <= ?`,
        this.#maxAttempts,
        nowMs,
      );
      this.#sql.exec("DELETE FROM messages WHERE dead IS NOT NULL AND until_ms <= ?", nowMs - keepDeadMs);
      this.#sql.exec("DELETE FROM settled WHERE settled_ms <= ?", nowMs - SETTLED_KEPT_MS);
    });
  }

  /** Hands out messages that came back, the oldest first. */
  leaseAgain(max: number, nowMs: number, newLease: () => NewLease): LeasedMessage[] {
    if (!this.#hasSchema) return [];
    return this.#storage.transactionSync(() =>
      this.#sql
        .exec<Row>(
          "SELECT * FROM messages WHERE dead IS NULL AND lease_id IS NULL AND until_ms <= ? ORDER BY sequence LIMIT ?",
          nowMs,
          max,
        )
        .toArray()
        .map((row) => {
          const { leaseId, untilMs } = newLease();
          const attempt = row.attempts + 1;
          this.#sql.exec(
            "UPDATE messages SET attempts = ?, lease_id = ?, until_ms = ? WHERE sequence = ?",
            attempt,
            leaseId,
            untilMs,
            row.sequence,
          );
          return { leaseId, sequence: row.sequence, json: row.json, attempt, leasedUntilMs: untilMs };
        }),
    );
  }

  /** Hands out what comes next in the channel, and moves the group's place there. */
  leaseNew(
    events: readonly StoredEvent[],
    place: { readonly before: string; readonly next: string },
    newLease: () => NewLease,
  ): LeasedMessage[] {
    this.#createSchema();
    return this.#storage.transactionSync(() => {
      let previous = place.before;
      const leased = events.map(({ sequence, json }) => {
        const { leaseId, untilMs } = newLease();
        // A log that was restored from a copy may give a sequence a second time.
        this.#sql.exec(
          "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, 1, ?, ?, NULL)",
          sequence,
          previous,
          json,
          leaseId,
          untilMs,
        );
        previous = sequence;
        return { leaseId, sequence, json, attempt: 1, leasedUntilMs: untilMs };
      });
      this.#sql.exec("INSERT OR REPLACE INTO place VALUES (1, ?)", place.next);
      return leased;
    });
  }

  ack(leaseIds: readonly string[], nowMs: number): SettledLeases {
    return this.#settle(leaseIds, nowMs, (row) => {
      this.#sql.exec("DELETE FROM messages WHERE sequence = ?", row.sequence);
      this.#sql.exec("INSERT INTO settled VALUES (?, ?)", row.lease_id, nowMs);
    });
  }

  nack(leaseIds: readonly string[], delayMs: number, nowMs: number): SettledLeases {
    return this.#settle(leaseIds, nowMs, (row) => {
      const isDead = row.attempts >= this.#maxAttempts;
      this.#sql.exec(
        "UPDATE messages SET lease_id = NULL, until_ms = ?, dead = ? WHERE sequence = ?",
        isDead ? nowMs : nowMs + delayMs,
        isDead ? "nack" : null,
        row.sequence,
      );
    });
  }

  extend(leaseIds: readonly string[], visibilityMs: number, nowMs: number): SettledLeases {
    return this.#settle(leaseIds, nowMs, (row) => {
      this.#sql.exec(
        "UPDATE messages SET until_ms = ? WHERE sequence = ?",
        nowMs + visibilityMs,
        row.sequence,
      );
    });
  }

  /** When a message may be handed out again; undefined where none is out. */
  nextTimeMs(): number | undefined {
    if (!this.#hasSchema) return undefined;
    const { next } = this.#sql
      .exec<{ next: number | null }>("SELECT min(until_ms) AS next FROM messages WHERE dead IS NULL")
      .one();
    return next ?? undefined;
  }

  describe(): GroupStatus {
    const { cursor } = this;
    if (cursor === undefined) {
      return { settledThrough: undefined, position: undefined, leased: 0, waiting: 0, deadLetters: 0 };
    }
    const counts = this.#sql
      .exec<{ leased: number; waiting: number; dead: number }>(
        `SELECT count(lease_id) AS leased, count(dead) AS dead,
         count(CASE WHEN dead IS NULL AND lease_id IS NULL THEN 1 END) AS waiting FROM messages`,
      )
      .one();
    const [oldest] = this.#sql
      .exec<{ previous: string }>(
        "SELECT previous FROM messages WHERE dead IS NULL ORDER BY sequence LIMIT 1",
      )
      .toArray();
    return {
      settledThrough: oldest?.previous ?? cursor,
      position: cursor,
      leased: counts.leased,
      waiting: counts.waiting,
      deadLetters: counts.dead,
    };
  }

  listDead(after: string, limit: number): GroupDeadLetter[] {
    if (!this.#hasSchema) return [];
    return this.#sql
      .exec<Row>(
        "SELECT * FROM messages WHERE dead IS NOT NULL AND sequence > ? ORDER BY sequence LIMIT ?",
        after,
        limit,
      )
      .toArray()
      .map(toDeadLetter);
  }

  getDead(sequence: string): GroupDeadLetter | undefined {
    if (!this.#hasSchema) return undefined;
    const [row] = this.#sql
      .exec<Row>("SELECT * FROM messages WHERE dead IS NOT NULL AND sequence = ?", sequence)
      .toArray();
    return row === undefined ? undefined : toDeadLetter(row);
  }

  retryDead(sequence: string, nowMs: number): boolean {
    if (!this.#hasSchema) return false;
    const { rowsWritten } = this.#sql.exec(
      "UPDATE messages SET dead = NULL, attempts = 0, until_ms = ? WHERE dead IS NOT NULL AND sequence = ?",
      nowMs,
      sequence,
    );
    return rowsWritten > 0;
  }

  deleteDead(sequence: string): boolean {
    if (!this.#hasSchema) return false;
    const { rowsWritten } = this.#sql.exec(
      "DELETE FROM messages WHERE dead IS NOT NULL AND sequence = ?",
      sequence,
    );
    return rowsWritten > 0;
  }

  /** A lease that is over its time is over, also where nobody else has the message yet: what is told must not depend on luck. */
  #settle(leaseIds: readonly string[], nowMs: number, onLease: (row: Row) => void): SettledLeases {
    const done: string[] = [];
    const expired: string[] = [];
    if (!this.#hasSchema) return { done, expired: [...leaseIds] };
    this.#storage.transactionSync(() => {
      for (const leaseId of new Set(leaseIds)) {
        const [row] = this.#sql.exec<Row>("SELECT * FROM messages WHERE lease_id = ?", leaseId).toArray();
        if (row !== undefined && row.until_ms > nowMs) {
          onLease(row);
          done.push(leaseId);
        } else {
          const isSettled =
            row === undefined &&
            this.#sql.exec("SELECT 1 FROM settled WHERE lease_id = ?", leaseId).toArray().length > 0;
          (isSettled ? done : expired).push(leaseId);
        }
      }
    });
    return { done, expired };
  }

  /** A group that was only looked at leaves nothing behind. */
  #createSchema(): void {
    if (this.#hasSchema) return;
    this.#storage.transactionSync(() => {
      for (const statement of SCHEMA) this.#sql.exec(statement);
    });
    this.#hasSchema = true;
  }
}

function toDeadLetter(row: Row): GroupDeadLetter {
  return {
    sequence: row.sequence,
    json: row.json,
    attempts: row.attempts,
    reason: row.dead === "nack" ? "nack" : "expired",
    failedMs: row.until_ms,
  };
}
