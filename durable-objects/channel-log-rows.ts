/** The events of one page together, in characters: what crosses to another object at once. */
const MAX_PAGE_CHARS = 1024 * 1024;

/** A row of a channel's log, as it is copied into a fork. */
export interface LogRow {
  readonly number: number;
  readonly ms: number;
  readonly type: string;
  readonly json: string;
}

/** An event as it is appended; what makes a duplicate is not copied into forks. */
export interface NewEvent {
  readonly type: string;
  readonly json: string;
  readonly dedupeKey: string | undefined;
}

/** How many events one statement appends: SQLite in a Durable Object binds at most 100 values at once. */
export const MAX_APPENDED_AT_ONCE = 32;

/** The statements that append so many events at once, each written when it is first needed. */
const appends: string[] = [];

/** All have the same time, and are numbered from the first on, so each brings three values of its own. */
function toAppend(count: number): string {
  let statement = appends[count];
  if (statement === undefined) {
    const rows = Array.from({ length: count }, (_, index) => {
      const own = 3 + index * 3;
      return `(?1 + ${index}, ?2, ?${own}, ?${own + 1}, ?${own + 2})`;
    });
    statement = `INSERT INTO log (seq, ms, type, dedupe, json) VALUES ${rows.join(", ")}`;
    appends[count] = statement;
  }
  return statement;
}

/** How many rows a statement copies, the most first. */
const COPIES = [25, 1].map((size) => ({
  size,
  statement: `INSERT INTO log (seq, ms, type, json) VALUES ${Array(size).fill("(?, ?, ?, ?)").join(", ")}`,
}));

/** The rows of a log: appended, and copied from one channel into another. */
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

  /** Writes rows that were copied from another channel. */
  write(rows: readonly LogRow[]): void {
    let at = 0;
    for (const { size, statement } of COPIES) {
      for (; rows.length - at >= size; at += size) {
        const copied = rows.slice(at, at + size);
        this.#sql.exec(
          statement,
          ...copied.flatMap(({ number, ms, type, json }) => [number, ms, type, json]),
        );
      }
    }
  }

  /**
   * Appends events, numbered from `first` on, as many as it can with one statement, which costs more than a row of it. Up to
   * {@link MAX_APPENDED_AT_ONCE} are one statement, and so all of them or none.
   */
  append(first: number, nowMs: number, events: readonly NewEvent[]): void {
    for (let at = 0; at < events.length; at += MAX_APPENDED_AT_ONCE) {
      const end = Math.min(events.length, at + MAX_APPENDED_AT_ONCE);
      const values: SqlStorageValue[] = [first + at, nowMs];
      for (let index = at; index < end; index += 1) {
        const { type, dedupeKey = null, json } = events[index] as NewEvent;
        values.push(type, dedupeKey, json);
      }
      this.#sql.exec(toAppend(end - at), ...values);
    }
  }
}
