import type { Message, MessageSpec, Place } from "../message.ts";

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  due_ms: number;
  created_ms: number;
  retried: number;
  lane: string | null;
  number: number | null;
  spec: string;
}

const COLUMNS = "id, due_ms, created_ms, retried, lane, number, spec";

/** What may not be started now, because as much as may be is under way already. */
export interface Closed {
  readonly hosts: readonly string[];
  readonly flowKeys: readonly string[];
}

/** The messages that are not delivered yet. What was delivered or is dead leaves at once. */
export class MessageStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  insert(message: Message, body: Uint8Array): void {
    const { id, spec, createdMs, dueMs, retried, place } = message;
    this.#sql.exec(
      `INSERT INTO messages (id, due_ms, created_ms, retried, lane, number, host, flow_key, spec, body)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      dueMs,
      createdMs,
      retried,
      place?.lane ?? null,
      place?.number ?? null,
      new URL(spec.url).host,
      spec.flowControl?.key ?? null,
      JSON.stringify(spec),
      body,
    );
  }

  get(id: string): Message | undefined {
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM messages WHERE id = ?`, id).toArray();
    return row && toMessage(row);
  }

  readBody(id: string): Uint8Array<ArrayBuffer> {
    const [row] = this.#sql
      .exec<{ body: ArrayBuffer }>("SELECT body FROM messages WHERE id = ?", id)
      .toArray();
    return new Uint8Array(row?.body ?? new ArrayBuffer());
  }

  /** All of them, oldest first. */
  *list(): Iterable<Message> {
    for (const row of this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM messages ORDER BY seq`))
      yield toMessage(row);
  }

  listLane(lane: string): Message[] {
    return this.#sql
      .exec<Row>(`SELECT ${COLUMNS} FROM messages WHERE lane = ? ORDER BY number, seq`, lane)
      .toArray()
      .map(toMessage);
  }

  /** Those outside of queues that are to be sent now. */
  findDue(nowMs: number, closed: Closed, limit: number): Message[] {
    return this.#find(
      "lane IS NULL AND is_active = 0 AND due_ms <= ?",
      [nowMs],
      closed,
      "due_ms, seq",
      limit,
    );
  }

  /** Those at the front of a queue that are to be sent now. A message that is tried again keeps its place there. */
  findDueInLane(lane: string, parallelism: number, nowMs: number, closed: Closed): Message[] {
    const front = this.#sql
      .exec<{ number: number }>(
        "SELECT DISTINCT number FROM messages WHERE lane = ? ORDER BY number LIMIT ?",
        lane,
        parallelism,
      )
      .toArray();
    const last = front.at(-1)?.number;
    if (last === undefined) return [];
    return this.#find(
      "lane = ? AND number <= ? AND is_active = 0 AND due_ms <= ?",
      [lane, last, nowMs],
      closed,
      "number, seq",
      2 * parallelism,
    );
  }

  /** How many of a queue are not done. What is done but for its callback counts as well. */
  countLane(lane: string): number {
    return this.#sql
      .exec<{ count: number }>("SELECT COUNT(DISTINCT number) AS count FROM messages WHERE lane = ?", lane)
      .one().count;
  }

  /** How many wait for a flow control key: those that are due and were not started. */
  countWaiting(flowKey: string, nowMs: number): number {
    return this.#sql
      .exec<{ count: number }>(
        "SELECT COUNT(*) AS count FROM messages WHERE is_active = 0 AND due_ms <= ? AND flow_key = ?",
        nowMs,
        flowKey,
      )
      .one().count;
  }

  /** When the next one that is not due yet will be. */
  nextDueMs(nowMs: number): number | undefined {
    const { due } = this.#sql
      .exec<{ due: number | null }>(
        "SELECT MIN(due_ms) AS due FROM messages WHERE is_active = 0 AND due_ms > ?",
        nowMs,
      )
      .one();
    return due ?? undefined;
  }

  markActive(id: string): void {
    this.#sql.exec("UPDATE messages SET is_active = 1 WHERE id = ?", id);
  }

  /** For what was under way when the runtime was killed: it is sent again. */
  releaseAll(): void {
    this.#sql.exec("UPDATE messages SET is_active = 0 WHERE is_active = 1");
  }

  scheduleRetry(id: string, dueMs: number, retried: number): void {
    this.#sql.exec(
      "UPDATE messages SET is_active = 0, due_ms = ?, retried = ? WHERE id = ?",
      dueMs,
      retried,
      id,
    );
  }

  /** @returns whether it waited; one that is under way is left alone */
  makeDue(id: string, nowMs: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      "UPDATE messages SET due_ms = ? WHERE id = ? AND is_active = 0 AND due_ms > ?",
      nowMs,
      id,
      nowMs,
    );
    return rowsWritten > 0;
  }

  remove(id: string): boolean {
    return this.#sql.exec("DELETE FROM messages WHERE id = ?", id).rowsWritten > 0;
  }

  #find(
    condition: string,
    values: readonly SqlStorageValue[],
    { hosts, flowKeys }: Closed,
    order: string,
    limit: number,
  ): Message[] {
    return this.#sql
      .exec<Row>(
        `SELECT ${COLUMNS} FROM messages
         WHERE ${condition}
           AND host NOT IN (SELECT value FROM json_each(?))
           AND (flow_key IS NULL OR flow_key NOT IN (SELECT value FROM json_each(?)))
         ORDER BY ${order} LIMIT ?`,
        ...values,
        JSON.stringify(hosts),
        JSON.stringify(flowKeys),
        limit,
      )
      .toArray()
      .map(toMessage);
  }
}

function toMessage(row: Row): Message {
  const place: Place | undefined =
    row.lane === null || row.number === null ? undefined : { lane: row.lane, number: row.number };
  return {
    id: row.id,
    spec: JSON.parse(row.spec) as MessageSpec,
    createdMs: row.created_ms,
    dueMs: row.due_ms,
    retried: row.retried,
    place,
  };
}
