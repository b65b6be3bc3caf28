import type { ErrorData } from "../core/error.ts";
import type { StuckLetter } from "../core/outbox.ts";

type Row = {
  position: number;
  channel: string | null;
  name: string | null;
  body: string;
  key: string | null;
  code: string;
  message: string;
  failed_ms: number;
};

/** How often what is always refused is tried before it is put aside. */
export const MAX_REFUSALS = 5;

/** Refusals that pass: everything else would be answered in the same way for ever. */
export function isLasting(error: ErrorData): boolean {
  return error.code !== "unavailable" && error.code !== "rate_limited" && error.code !== "internal";
}

/** What the store's two outboxes could not get rid of: kept to be looked at, and sent again where somebody asks. */
export class DeadLetters {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  /** Moves an event out of the way of those behind it. */
  buryEvent(position: number, error: ErrorData, nowMs: number): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        `INSERT INTO dead_letters (channel, name, body, key, code, message, failed_ms)
         SELECT channel, type, json, dedupe_key, ?, ?, ? FROM outbox WHERE position = ?`,
        error.code,
        error.message,
        nowMs,
        position,
      );
      this.#sql.exec("DELETE FROM outbox WHERE position = ?", position);
    });
  }

  buryJob(position: number, error: ErrorData, nowMs: number): void {
    this.#storage.transactionSync(() => {
      this.#sql.exec(
        `INSERT INTO dead_letters (name, body, key, code, message, failed_ms)
         SELECT name, body, deduplication_id, ?, ?, ? FROM job_outbox WHERE position = ?`,
        error.code,
        error.message,
        nowMs,
        position,
      );
      this.#sql.exec("DELETE FROM job_outbox WHERE position = ?", position);
    });
  }

  /** The oldest first, after `position`. */
  list(position: number, limit: number): StuckLetter[] {
    return this.#sql
      .exec<Row>("SELECT * FROM dead_letters WHERE position > ? ORDER BY position LIMIT ?", position, limit)
      .toArray()
      .map(toLetter);
  }

  get(position: number): StuckLetter | undefined {
    const [row] = this.#sql.exec<Row>("SELECT * FROM dead_letters WHERE position = ?", position).toArray();
    return row === undefined ? undefined : toLetter(row);
  }

  /** Puts it back at the end of its outbox. The letter; undefined where there is none. */
  retry(position: number, nowMs: number): StuckLetter | undefined {
    return this.#storage.transactionSync(() => {
      const [row] = this.#sql.exec<Row>("SELECT * FROM dead_letters WHERE position = ?", position).toArray();
      if (row === undefined) return undefined;
      if (row.channel === null) {
        this.#sql.exec(
          "INSERT INTO job_outbox (name, body, due_ms, deduplication_id) VALUES (?, ?, ?, ?)",
          row.name,
          row.body,
          nowMs,
          // The queue may remember the id of the attempt that it refused.
          `${row.key ?? ""} retry ${nowMs}`,
        );
      } else {
        this.#sql.exec(
          "INSERT INTO outbox (channel, type, json, dedupe_key) VALUES (?, ?, ?, ?)",
          row.channel,
          row.name,
          row.body,
          row.key,
        );
      }
      this.delete(position);
      return toLetter(row);
    });
  }

  /** False where there is none. */
  delete(position: number): boolean {
    return this.#sql.exec("DELETE FROM dead_letters WHERE position = ?", position).rowsWritten > 0;
  }
}

function toLetter(row: Row): StuckLetter {
  return {
    position: row.position,
    channel: row.channel ?? undefined,
    job: row.channel === null ? (row.name ?? undefined) : undefined,
    body: row.body,
    error: `${row.code}: ${row.message}`,
    failedMs: row.failed_ms,
  };
}
