/** The events of one page together, in characters: what crosses to another object at once. */
const MAX_PAGE_CHARS = 1024 * 1024;

/** A row of a channel's log, as it is copied into a fork. */
export interface LogRow {
  readonly number: number;
  readonly ms: number;
  readonly type: string;
  readonly json: string;
}

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

  /** Writes rows of a copy, without what makes a duplicate: a fork remembers no publishes but its own. */
  write(rows: readonly LogRow[]): void {
    for (const { number, ms, type, json } of rows) {
      this.#sql.exec(
        "INSERT INTO log (seq, ms, type, dedupe, json) VALUES (?, ?, ?, NULL, ?)",
        number,
        ms,
        type,
        json,
      );
    }
  }
}
