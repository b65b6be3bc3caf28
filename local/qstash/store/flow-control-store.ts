import type { FlowControl } from "../message.ts";

export interface FlowControlState {
  readonly key: string;
  readonly parallelism: number | undefined;
  readonly rate: number | undefined;
  readonly periodSeconds: number;
  readonly isPaused: boolean;
  readonly isParallelismPinned: boolean;
  readonly isRatePinned: boolean;
  readonly periodStartMs: number;
  /** How many were started since then. */
  readonly rateCount: number;
}

interface Row extends Record<string, SqlStorageValue> {
  key: string;
  parallelism: number | null;
  rate: number | null;
  period_seconds: number;
  is_paused: number;
  is_parallelism_pinned: number;
  is_rate_pinned: number;
  period_start_ms: number;
  rate_count: number;
}

/** The limits of each flow control key, as the last message that named it had them, and how far they are used up. */
export class FlowControlStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(key: string): FlowControlState | undefined {
    const [row] = this.#sql.exec<Row>("SELECT * FROM flow_controls WHERE key = ?", key).toArray();
    return row && toState(row);
  }

  list(): FlowControlState[] {
    return this.#sql.exec<Row>("SELECT * FROM flow_controls ORDER BY key").toArray().map(toState);
  }

  /** Those that a message waits for. */
  listWaitedFor(): FlowControlState[] {
    return this.#sql
      .exec<Row>(
        `SELECT * FROM flow_controls
         WHERE EXISTS (SELECT 1 FROM messages WHERE flow_key = flow_controls.key AND is_active = 0)`,
      )
      .toArray()
      .map(toState);
  }

  /** Takes over what a message says; what is pinned stays. */
  configure({ key, parallelism, rate, periodSeconds }: FlowControl): void {
    this.#sql.exec(
      `INSERT INTO flow_controls (key, parallelism, rate, period_seconds) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET
         parallelism = CASE is_parallelism_pinned WHEN 1 THEN parallelism ELSE excluded.parallelism END,
         rate = CASE is_rate_pinned WHEN 1 THEN rate ELSE excluded.rate END,
         period_seconds = CASE is_rate_pinned WHEN 1 THEN period_seconds ELSE excluded.period_seconds END`,
      key,
      parallelism ?? null,
      rate ?? null,
      periodSeconds,
    );
  }

  put(state: FlowControlState): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO flow_controls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      state.key,
      state.parallelism ?? null,
      state.rate ?? null,
      state.periodSeconds,
      state.isPaused ? 1 : 0,
      state.isParallelismPinned ? 1 : 0,
      state.isRatePinned ? 1 : 0,
      state.periodStartMs,
      state.rateCount,
    );
  }
}

function toState(row: Row): FlowControlState {
  return {
    key: row.key,
    parallelism: row.parallelism ?? undefined,
    rate: row.rate ?? undefined,
    periodSeconds: row.period_seconds,
    isPaused: row.is_paused === 1,
    isParallelismPinned: row.is_parallelism_pinned === 1,
    isRatePinned: row.is_rate_pinned === 1,
    periodStartMs: row.period_start_ms,
    rateCount: row.rate_count,
  };
}
