import type { MessageOptions } from "../message.ts";

export type RunState = "IN_PROGRESS" | "SUCCESS" | "FAIL";

export interface ScheduleOptions extends MessageOptions {
  readonly delayMs: number;
}

export interface Schedule {
  readonly id: string;
  readonly cron: string;
  readonly destination: string;
  readonly queueName: string | undefined;
  readonly options: ScheduleOptions;
  readonly isPaused: boolean;
  readonly createdMs: number;
  readonly lastMs: number | undefined;
  readonly nextMs: number;
  /** What became of the messages of the last time, by their ids. */
  readonly lastStates: Readonly<Record<string, RunState>>;
}

interface Row extends Record<string, SqlStorageValue> {
  id: string;
  cron: string;
  destination: string;
  queue_name: string | null;
  options: string;
  is_paused: number;
  created_ms: number;
  last_ms: number | null;
  next_ms: number;
  last_states: string;
}

const COLUMNS =
  "id, cron, destination, queue_name, options, is_paused, created_ms, last_ms, next_ms, last_states";

export class ScheduleStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Under an id that is there, it is changed; when it ran last stays. */
  put(schedule: Schedule, body: Uint8Array): void {
    this.#sql.exec(
      `INSERT INTO schedules (${COLUMNS}, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET
         cron = excluded.cron, destination = excluded.destination, queue_name = excluded.queue_name,
         options = excluded.options, next_ms = excluded.next_ms, body = excluded.body`,
      schedule.id,
      schedule.cron,
      schedule.destination,
      schedule.queueName ?? null,
      JSON.stringify(schedule.options),
      schedule.isPaused ? 1 : 0,
      schedule.createdMs,
      schedule.lastMs ?? null,
      schedule.nextMs,
      JSON.stringify(schedule.lastStates),
      body,
    );
  }

  get(id: string): Schedule | undefined {
    const [row] = this.#sql.exec<Row>(`SELECT ${COLUMNS} FROM schedules WHERE id = ?`, id).toArray();
    return row && toSchedule(row);
  }

  list(): Schedule[] {
    return this.#sql
      .exec<Row>(`SELECT ${COLUMNS} FROM schedules ORDER BY created_ms, id`)
      .toArray()
      .map(toSchedule);
  }

  readBody(id: string): Uint8Array<ArrayBuffer> {
    return new Uint8Array(
      this.#sql.exec<{ body: ArrayBuffer }>("SELECT body FROM schedules WHERE id = ?", id).one().body,
    );
  }

  findDue(nowMs: number): Schedule[] {
    return this.#sql
      .exec<Row>(`SELECT ${COLUMNS} FROM schedules WHERE next_ms <= ? ORDER BY next_ms`, nowMs)
      .toArray()
      .map(toSchedule);
  }

  nextMs(): number | undefined {
    return (
      this.#sql.exec<{ next: number | null }>("SELECT MIN(next_ms) AS next FROM schedules").one().next ??
      undefined
    );
  }

  /** The time came, and these messages were made; none where the schedule is paused. */
  advance(
    id: string,
    nextMs: number,
    run?: { readonly atMs: number; readonly messageIds: readonly string[] },
  ): void {
    this.#sql.exec("UPDATE schedules SET next_ms = ? WHERE id = ?", nextMs, id);
    if (run === undefined) return;
    const states = Object.fromEntries(run.messageIds.map((messageId) => [messageId, "IN_PROGRESS"]));
    this.#sql.exec(
      "UPDATE schedules SET last_ms = ?, last_states = ? WHERE id = ?",
      run.atMs,
      JSON.stringify(states),
      id,
    );
  }

  noteEnd(id: string, messageId: string, state: RunState): void {
    const schedule = this.get(id);
    if (schedule?.lastStates[messageId] === undefined) return;
    const states = { ...schedule.lastStates, [messageId]: state };
    this.#sql.exec("UPDATE schedules SET last_states = ? WHERE id = ?", JSON.stringify(states), id);
  }

  setPaused(id: string, isPaused: boolean): boolean {
    return (
      this.#sql.exec("UPDATE schedules SET is_paused = ? WHERE id = ?", isPaused ? 1 : 0, id).rowsWritten > 0
    );
  }

  remove(id: string): boolean {
    return this.#sql.exec("DELETE FROM schedules WHERE id = ?", id).rowsWritten > 0;
  }
}

function toSchedule(row: Row): Schedule {
  return {
    id: row.id,
    cron: row.cron,
    destination: row.destination,
    queueName: row.queue_name ?? undefined,
    options: JSON.parse(row.options) as ScheduleOptions,
    isPaused: row.is_paused === 1,
    createdMs: row.created_ms,
    lastMs: row.last_ms ?? undefined,
    nextMs: row.next_ms,
    lastStates: JSON.parse(row.last_states) as Record<string, RunState>,
  };
}
