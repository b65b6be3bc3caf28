import { DurableObject } from "cloudflare:workers";
import { EverywireError } from "../core/error.ts";
import type { JobRow, UploadEnd } from "../core/jobs.ts";
import type { Limits } from "../core/limits.ts";
import type { ImportContext, ImportProgress } from "../core/operations/import-products.ts";
import {
  announceImport,
  announceUploadEnd,
  finishImport,
  importBatch,
  NO_PROGRESS,
} from "../core/operations/import-products.ts";
import { parseSettings } from "../core/settings.ts";

const ROWS_PER_BATCH = 100;
/** Batches in one run of the alarm, which the platform gives a limited time; the next run goes on from there. */
const BATCHES_PER_RUN = 50;
/** An upload that is silent for this long has lost its client in a way that nobody was told of. */
const SILENCE_MS = 60_000;
const FIRST_RETRY_MS = 500;
const MAX_RETRY_MS = 60_000;

interface JobState {
  readonly id: string;
  readonly progress: ImportProgress;
  readonly received: number;
  readonly end: UploadEnd | undefined;
  /** When the client was last heard of. */
  readonly heardMs: number;
  /** The last row of the batch that is on its way, so that after a crash the same rows are a batch again. */
  readonly batchEnd: number | undefined;
}

/**
 * One job, named by its id. Rows wait here, in SQLite, until the alarm has taken them into the store batch by batch; so
 * the job survives its client and the death of the process. The store knows a batch that it has had (see
 * `importBatch`), so the place here may lag behind by one and nothing is imported twice.
 *
 * Which store that is, `worker.ts` decides: it makes the class, with {@link createJobClass}.
 */
export abstract class JobObject<Env> extends DurableObject<Env> {
  readonly #storage: DurableObjectStorage;
  readonly #limits: Limits;
  #attempts = 0;

  constructor(context: DurableObjectState, env: Env) {
    super(context, env);
    this.#storage = context.storage;
    this.#limits = parseSettings(env as unknown as Record<string, unknown>).limits;
    context.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS waiting (row INTEGER PRIMARY KEY, json TEXT NOT NULL)",
    );
  }

  /** Where what is imported goes. */
  protected abstract records(): ImportContext["records"];

  async startImport(id: string): Promise<void> {
    if (this.#state() !== undefined) return;
    this.#save({
      id,
      progress: NO_PROGRESS,
      received: 0,
      end: undefined,
      heardMs: Date.now(),
      batchEnd: undefined,
    });
    await this.#wakeAt(Date.now() + SILENCE_MS);
    await announceImport(this.#importContext(), id);
  }

  /** Rows that come again, after an answer that was lost, are the same rows. */
  async addRows(rows: readonly JobRow[]): Promise<void> {
    const state = this.#state();
    if (state === undefined || state.end !== undefined) return;
    this.#storage.transactionSync(() => {
      for (const row of rows) {
        this.#storage.sql.exec("INSERT OR REPLACE INTO waiting VALUES (?, ?)", row.row, JSON.stringify(row));
      }
      this.#save({ ...state, received: state.received + rows.length, heardMs: Date.now() });
    });
    await this.#wakeAt(Date.now());
  }

  async endUpload(end: UploadEnd): Promise<void> {
    const state = this.#state();
    if (state === undefined || state.end !== undefined) return;
    // Told before it is known here, so that the end of the job cannot be told first.
    await announceUploadEnd(this.#importContext(), state.id, state.received, end);
    // Read again: a batch may have ended meanwhile.
    const now = this.#state();
    if (now === undefined) return;
    this.#save({ ...now, end });
    await this.#wakeAt(Date.now());
  }

  override async alarm(): Promise<void> {
    try {
      await this.#run();
      this.#attempts = 0;
    } catch (thrown) {
      // Tried again for as long as it takes: the rows were acknowledged.
      console.error(
        "job: a batch failed and will be tried again",
        EverywireError.from(thrown).cause ?? thrown,
      );
      const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#attempts);
      this.#attempts = Math.min(this.#attempts + 1, 16);
      await this.#wakeAt(Date.now() + delayMs);
    }
  }

  async #run(): Promise<void> {
    for (let batch = 0; batch < BATCHES_PER_RUN; batch += 1) {
      const state = this.#state();
      if (state === undefined) return;
      const rows = this.#nextBatch(state.batchEnd);
      const batchEnd = rows.at(-1)?.row;
      if (batchEnd === undefined) return this.#onNothingWaiting(state);
      this.#save({ ...state, batchEnd });
      const progress = await importBatch(this.#importContext(), {
        jobId: state.id,
        rows,
        progress: state.progress,
      });
      this.#storage.transactionSync(() => {
        this.#storage.sql.exec("DELETE FROM waiting WHERE row <= ?", batchEnd);
        // Read again: rows may have come while the batch was on its way.
        const now = this.#state();
        if (now !== undefined) this.#save({ ...now, progress, batchEnd: undefined });
      });
      // A turn for everybody else: one runtime serves them all, and a long job is in no hurry.
      await scheduler.wait(1);
    }
    await this.#wakeAt(Date.now());
  }

  async #onNothingWaiting(state: JobState): Promise<void> {
    const silentUntilMs = state.heardMs + SILENCE_MS;
    const end = state.end ?? (Date.now() >= silentUntilMs ? "cut" : undefined);
    if (end === undefined) return this.#wakeAt(silentUntilMs);
    await finishImport(this.#importContext(), state.id, state.progress, end);
    await this.#storage.deleteAlarm();
    await this.#storage.deleteAll();
  }

  #nextBatch(end: number | undefined): readonly JobRow[] {
    return this.#storage.sql
      .exec<{ json: string }>(
        "SELECT json FROM waiting WHERE row <= ? ORDER BY row LIMIT ?",
        end ?? Number.MAX_SAFE_INTEGER,
        ROWS_PER_BATCH,
      )
      .toArray()
      .map(({ json }) => JSON.parse(json) as JobRow);
  }

  #importContext(): ImportContext {
    return { nowMs: Date.now(), limits: this.#limits, records: this.records() };
  }

  #state(): JobState | undefined {
    return this.#storage.kv.get<JobState>("job");
  }

  #save(state: JobState): void {
    this.#storage.kv.put("job", state);
  }

  /** The earlier of two alarms counts: what is asked for later is asked for again when there is nothing to do. */
  async #wakeAt(timeMs: number): Promise<void> {
    const current = await this.#storage.getAlarm();
    if (current === null || current > timeMs) await this.#storage.setAlarm(timeMs);
  }
}

/** The class of jobs whose products go to the store that `recordsOf` gives. */
export function createJobClass<Env>(recordsOf: (env: Env) => ImportContext["records"]) {
  return class Job extends JobObject<Env> {
    protected override records(): ImportContext["records"] {
      return recordsOf(this.env);
    }
  };
}
