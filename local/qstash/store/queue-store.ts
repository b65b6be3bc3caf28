import type { Place } from "../message.ts";

export interface Queue {
  readonly name: string;
  readonly parallelism: number;
  readonly isPaused: boolean;
  readonly createdMs: number;
  readonly updatedMs: number;
}

interface Row extends Record<string, SqlStorageValue> {
  name: string;
  parallelism: number;
  is_paused: number;
  created_ms: number;
  updated_ms: number;
}

const COLUMNS = "name, parallelism, is_paused, created_ms, updated_ms";

export class QueueStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  upsert(
    name: string,
    options: { readonly parallelism: number; readonly isPaused: boolean },
    nowMs: number,
  ): void {
    this.#sql.exec(
      `INSERT INTO queues (name, parallelism, is_paused, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE
         SET parallelism = excluded.parallelism, is_paused = excluded.is_paused, updated_ms = excluded.updated_ms`,
      name,
      options.parallelism,
      options.isPaused ? 1 : 0,
      nowMs,
      nowMs,
    );
  }

  /** The last place of a queue, which is made where it is not there. */
  takePlace(name: string, nowMs: number): Place {
    this.#sql.exec(
      `INSERT INTO queues (name, parallelism, is_paused, created_ms, updated_ms) VALUES (?, 1, 0, ?, ?)
       ON CONFLICT (name) DO NOTHING`,
      name,
      nowMs,
      nowMs,
    );
    const { last_number } = this.#sql
      .exec<{ last_number: number }>(
        "UPDATE queues SET last_number = last_number + 1 WHERE name = ? RETURNING last_number",
        name,
      )
      .one();
    return { lane: name, number: last_number };
  }

  setPaused(name: string, isPaused: boolean, nowMs: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      "UPDATE queues SET is_paused = ?, updated_ms = ? WHERE name = ?",
      isPaused ? 1 : 0,
      nowMs,
      name,
    );
    return rowsWritten > 0;
  }

  get(name: string): Queue | undefined {
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM queues WHERE name = ?`, name).toArray();
    return row && toQueue(row);
  }

  list(): Queue[] {
    return this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM queues ORDER BY name`).toArray().map(toQueue);
  }

  /** Those that deliver now, and have something to. */
  listOpen(): Queue[] {
    return this.#sql
      .exec<Row>(
        `SELECT ${COLUMNS} FROM queues
         WHERE is_paused = 0 AND EXISTS (SELECT 1 FROM messages WHERE lane = queues.name)`,
      )
      .toArray()
      .map(toQueue);
  }

  remove(name: string): void {
    this.#sql.exec("DELETE FROM queues WHERE name = ?", name);
  }
}

function toQueue(row: Row): Queue {
  return {
    name: row.name,
    parallelism: row.parallelism,
    isPaused: row.is_paused === 1,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  };
}
