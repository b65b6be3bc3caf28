import type { Answer, Message, MessageSpec } from "../message.ts";
import { DLQ_RETENTION_MS } from "../settings.ts";

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  id: string;
  message_id: string;
  created_ms: number;
  due_ms: number;
  retried: number;
  failed_ms: number;
  spec: string;
  status: number;
  headers: string;
}

const COLUMNS = "seq, id, message_id, created_ms, due_ms, retried, failed_ms, spec, status, headers";

/** A message whose retries are spent. */
export interface DeadLetter {
  readonly seq: number;
  readonly id: string;
  readonly message: Message;
  readonly failedMs: number;
  /** Of the last attempt; zero where nothing answered. */
  readonly status: number;
  readonly headers: Answer["headers"];
}

export class DeadLetterStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @returns its id in here */
  insert(message: Message, body: Uint8Array, answer: Answer, nowMs: number): string {
    this.#sql.exec("DELETE FROM dead_letters WHERE failed_ms < ?", nowMs - DLQ_RETENTION_MS);
    const { seq } = this.#sql
      .exec<{ seq: number }>(
        `INSERT INTO dead_letters
           (id, message_id, created_ms, due_ms, retried, failed_ms, spec, status, headers, body, answer)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq`,
        message.id,
        message.id,
        message.createdMs,
        message.dueMs,
        message.retried,
        nowMs,
        JSON.stringify(message.spec),
        answer.status,
        JSON.stringify(answer.headers),
        body,
        answer.body,
      )
      .one();
    const id = `${nowMs}-${seq}`;
    this.#sql.exec("UPDATE dead_letters SET id = ? WHERE seq = ?", id, seq);
    return id;
  }

  get(id: string): DeadLetter | undefined {
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM dead_letters WHERE id = ?`, id).toArray();
    return row && toDeadLetter(row);
  }

  /** The oldest first, from behind `after`. */
  *list(after: number): Iterable<DeadLetter> {
    const rows = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM dead_letters WHERE seq > ? ORDER BY seq`, after);
    for (const row of rows) yield toDeadLetter(row);
  }

  readBodies(id: string): {
    readonly body: Uint8Array<ArrayBuffer>;
    readonly answer: Uint8Array<ArrayBuffer>;
  } {
    const { body, answer } = this.#sql
      .exec<{ body: ArrayBuffer; answer: ArrayBuffer }>(
        "SELECT body, answer FROM dead_letters WHERE id = ?",
        id,
      )
      .one();
    return { body: new Uint8Array(body), answer: new Uint8Array(answer) };
  }

  remove(id: string): boolean {
    return this.#sql.exec("DELETE FROM dead_letters WHERE id = ?", id).rowsWritten > 0;
  }
}

function toDeadLetter(row: Row): DeadLetter {
  return {
    seq: row.seq,
    id: row.id,
    message: {
      id: row.message_id,
      spec: JSON.parse(row.spec) as MessageSpec,
      createdMs: row.created_ms,
      dueMs: row.due_ms,
      retried: row.retried,
      place: undefined,
    },
    failedMs: row.failed_ms,
    status: row.status,
    headers: JSON.parse(row.headers) as Answer["headers"],
  };
}
