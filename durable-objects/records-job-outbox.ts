import type { ErrorData } from "../core/error.ts";
import { retryDelayMs } from "../core/outbox-rules.ts";
import type { JobName, QueuedJob } from "../core/queue.ts";
import type { Result } from "../core/result.ts";
import type { DeadLetters } from "./records-dead-letters.ts";
import { isLasting, MAX_REFUSALS } from "./records-dead-letters.ts";

/** What the outbox needs of the queue: it has the job, durably, or says why not. */
export type SendJob = (job: QueuedJob) => Promise<Result<void>>;

/** Jobs on their way to the queue at once. */
const MAX_AT_ONCE = 16;

type JobRow = {
  position: number;
  name: string;
  body: string;
  due_ms: number;
  deduplication_id: string;
  attempts: number;
  refusals: number;
};

/** Puts jobs into the outbox, as part of the transaction of the write that they belong to. */
export function addJobs(sql: SqlStorage, jobs: readonly QueuedJob[], nowMs: number): void {
  for (const { name, body, delaySeconds, deduplicationId } of jobs) {
    sql.exec(
      "INSERT INTO job_outbox (name, body, due_ms, deduplication_id) VALUES (?, ?, ?, ?)",
      name,
      body,
      nowMs + delaySeconds * 1000,
      deduplicationId,
    );
  }
}

/**
 * Carries jobs from the store to the queue, after the write that made them has committed: at least once, since a crash
 * between the queue's answer and the deletion of the row sends it again. The queue knows it then by its deduplication id,
 * and a job that comes twice does nothing the second time.
 *
 * Jobs have no order among each other, so one that fails waits by itself, and holds up neither the others nor any event.
 */
export class JobOutbox {
  readonly #sql: SqlStorage;
  readonly #send: SendJob;
  readonly #dead: DeadLetters;
  #running: Promise<void> | undefined;

  constructor(sql: SqlStorage, send: SendJob, dead: DeadLetters) {
    this.#sql = sql;
    this.#send = send;
    this.#dead = dead;
  }

  /** Sends what is due to be sent. One loop at a time; it looks again before it ends. It never rejects. */
  drain(): Promise<void> {
    this.#running ??= this.#drainAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** When the job that is to be tried next is to be tried; undefined where none waits. */
  nextRetryMs(): number | undefined {
    const { next } = this.#sql
      .exec<{ next: number | null }>("SELECT min(retry_ms) AS next FROM job_outbox")
      .one();
    return next ?? undefined;
  }

  async #drainAll(): Promise<void> {
    for (;;) {
      const rows = this.#sql
        .exec<JobRow>(
          "SELECT * FROM job_outbox WHERE retry_ms <= ? ORDER BY retry_ms, position LIMIT ?",
          Date.now(),
          MAX_AT_ONCE,
        )
        .toArray();
      if (rows.length === 0) return;
      await Promise.all(rows.map((row) => this.#sendRow(row)));
    }
  }

  async #sendRow(row: JobRow): Promise<void> {
    const error = await this.#trySend(row);
    if (error === undefined) {
      this.#sql.exec("DELETE FROM job_outbox WHERE position = ?", row.position);
      return;
    }
    const nowMs = Date.now();
    const refusals = row.refusals + (isLasting(error) ? 1 : 0);
    if (row.attempts === 0 || refusals > 0) {
      console.error(`outbox: the queue did not take the job '${row.name}': ${error.message}`);
    }
    if (refusals >= MAX_REFUSALS) {
      this.#dead.buryJob(row.position, error, nowMs);
      return;
    }
    this.#sql.exec(
      "UPDATE job_outbox SET attempts = attempts + 1, refusals = ?, retry_ms = ? WHERE position = ?",
      refusals,
      nowMs + retryDelayMs(row.attempts),
      row.position,
    );
  }

  async #trySend(row: JobRow): Promise<ErrorData | undefined> {
    try {
      const result = await this.#send({
        name: row.name as JobName,
        body: row.body,
        // What was spent waiting counts.
        delaySeconds: Math.max(0, Math.ceil((row.due_ms - Date.now()) / 1000)),
        deduplicationId: row.deduplication_id,
      });
      return result.ok ? undefined : result.error;
    } catch (thrown) {
      console.error("outbox: a job could not be sent", thrown);
      return { code: "unavailable", message: "The queue could not be asked." };
    }
  }
}
