/** The events of one page together, in characters: what crosses to another object at once. */
const MAX_PAGE_CHARS = 1024 * 1024;

/** A row of a channel's log, as it is copied into a fork. */
export interface LogRow {
  readonly number: number;
  readonly ms: number;
  readonly type: string;
  readonly json: string;
}

/** A row as it is written: what makes a duplicate stays with the channel that was published to. */
export interface NewRow extends LogRow {
  readonly dedupeKey?: string | undefined;
}

/** How many rows a statement takes, the most first. SQLite in a Durable Object binds at most 100 values at once. */
const INSERTS = [16, 4, 1].map((size) => ({
  size,
  statement: `INSERT INTO log (seq, ms, type, dedupe, json) VALUES ${Array(size).fill("(?, ?, ?, ?, ?)").join(", ")}`,
}));

/** The rows of a log as they are, to be copied from one channel into another. */
export class LogRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Those above `number`, up to and with `last`, and about 1 MiB of them. */
  read(number: number, last: number): LogRow[] {
    const rows: LogRow[] = [];
    let length = 0;
    const query = "SELECT seq, ms, type, json FROM log WHERE seq > ? AND seq <= ? ORDER BY seq";
    for (const row of this.#sql.exec<{ seq: number; ms: number; type: string; json: string }>(
      query,
      number,
      last,
    )) {
      length += row.json.length;
      if (rows.length > 0 && length > MAX_PAGE_CHARS) break;
      rows.push({ number: row.seq, ms: row.ms, type: row.type, json: row.json });
    }
    return rows;
  }

  /** Writes rows, several with one statement: a statement costs more than a row of it. */
  write(rows: readonly NewRow[]): void {
    let at = 0;
    for (const { size, statement } of INSERTS) {
      for (; rows.length - at >= size; at += size) {
        const values = rows
          .slice(at, at + size)
          .flatMap(({ number, ms, type, dedupeKey, json }) => [number, ms, type, dedupeKey ?? null, json]);
        this.#sql.exec(statement, ...values);
      }
    }
  }
}
