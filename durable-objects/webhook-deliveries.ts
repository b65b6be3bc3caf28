import type { AttemptOutcome, Tries } from "../core/webhook-retry.ts";
import { describeFailure, NO_TRIES } from "../core/webhook-retry.ts";
import type { DeliveryPage, DeliveryState, ListDeliveriesQuery, WebhookDelivery } from "../core/webhooks.ts";

/** What is sent: an event of the log, a gap in it, or a test. */
export interface WebhookMessage {
  /** The `webhook-id`. */
  readonly id: string;
  readonly kind: WebhookDelivery["kind"];
  readonly channel: string | null;
  readonly sequence: string | null;
  readonly eventId: string;
  readonly type: string;
  /** The CloudEvent. */
  readonly body: string;
}

/** An attempt that is over. */
export interface Attempt {
  readonly message: WebhookMessage;
  readonly outcome: AttemptOutcome;
  /** With this attempt counted. */
  readonly tries: Tries;
  readonly state: DeliveryState;
  /** When it is tried again; undefined where it is not. */
  readonly nextMs: number | undefined;
  /** Whether it goes beside the order of its channel. */
  readonly isReplay: boolean;
  readonly nowMs: number;
}

export interface DeliveryRow extends Record<string, SqlStorageValue> {
  number: number;
  id: string;
  kind: WebhookDelivery["kind"];
  channel: string | null;
  sequence: string | null;
  event_id: string;
  type: string;
  body: string | null;
  state: DeliveryState;
  is_replay: number;
  attempt: number;
  failures: number;
  unreachable_ms: number | null;
  status: number | null;
  error: string | null;
  duration_ms: number;
  response: string | null;
  next_ms: number | null;
  created_ms: number;
  updated_ms: number;
}

/** How often the log is cut: deleting a few at once is cheaper than one each time. */
const SWEEP_EVERY = 256;

/**
 * The log of deliveries, one row for each event, with its newest attempt. What was delivered at the first attempt is
 * written once. Events themselves stay in their channels; only what is in no channel has its body here.
 */
export class WebhookDeliveries {
  readonly #sql: SqlStorage;
  readonly #endpointId: string;
  readonly #maxEntries: number;

  constructor(sql: SqlStorage, endpointId: string, maxEntries: number) {
    this.#sql = sql;
    this.#endpointId = endpointId;
    this.#maxEntries = maxEntries;
  }

  write({ message, outcome, tries, state, nextMs, isReplay, nowMs }: Attempt): void {
    const isAnswered = outcome.kind === "answered";
    const { number } = this.#sql
      .exec<{ number: number }>(
        `INSERT INTO deliveries (id, kind, channel, sequence, event_id, type, body, state, is_replay, attempt, failures,
          unreachable_ms, status, error, duration_ms, response, next_ms, created_ms, updated_ms)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET state = excluded.state, is_replay = excluded.is_replay,
          attempt = excluded.attempt, failures = excluded.failures, unreachable_ms = excluded.unreachable_ms,
          status = excluded.status, error = excluded.error, duration_ms = excluded.duration_ms,
          response = excluded.response, next_ms = excluded.next_ms, updated_ms = excluded.updated_ms
        RETURNING number`,
        message.id,
        message.kind,
        message.channel,
        message.sequence,
        message.eventId,
        message.type,
        message.kind === "event" ? null : message.body,
        state,
        isReplay ? 1 : 0,
        tries.attempt,
        tries.failures,
        tries.unreachableSinceMs ?? null,
        isAnswered ? outcome.status : null,
        describeFailure(outcome),
        Math.round(outcome.durationMs),
        isAnswered ? outcome.response : null,
        nextMs ?? null,
        nowMs,
        nowMs,
      )
      .one();
    if (number % SWEEP_EVERY === 0) this.#sweep(number);
  }

  find(id: string): DeliveryRow | undefined {
    return this.#sql.exec<DeliveryRow>("SELECT * FROM deliveries WHERE id = ?", id).toArray()[0];
  }

  /** The attempts at an event so far, where it is still pending. */
  tries(id: string): Tries {
    const row = this.find(id);
    return row?.state === "pending" ? toTries(row) : NO_TRIES;
  }

  /** Has a delivery tried (again), from the first attempt on. */
  requeue(id: string, nowMs: number): void {
    this.#sql.exec(
      `UPDATE deliveries SET state = 'pending', is_replay = 1, attempt = 0, failures = 0, unreachable_ms = NULL,
        next_ms = ?, updated_ms = ? WHERE id = ?`,
      nowMs,
      nowMs,
      id,
    );
  }

  /** The replay that is due first, whenever that is. */
  nextReplay(): DeliveryRow | undefined {
    return this.#sql
      .exec<DeliveryRow>(
        "SELECT * FROM deliveries WHERE is_replay = 1 AND state = 'pending' ORDER BY next_ms LIMIT 1",
      )
      .toArray()[0];
  }

  /** What was waiting gets all its attempts anew, and now: for an endpoint that was put right. */
  restart(nowMs: number): void {
    this.#sql.exec(
      `UPDATE deliveries SET attempt = 0, failures = 0, unreachable_ms = NULL, next_ms = ? WHERE state = 'pending'`,
      nowMs,
    );
  }

  /** Lets go of what was waiting on a channel that is left, or read again from elsewhere; on all where none is named. */
  forgetPending(channel?: string): void {
    this.#sql.exec(
      "DELETE FROM deliveries WHERE state = 'pending' AND is_replay = 0 AND channel = coalesce(?, channel)",
      channel ?? null,
    );
  }

  list({ state, before, limit }: ListDeliveriesQuery): DeliveryPage {
    const filter = state === undefined ? "" : "AND state = ?";
    const rows = this.#sql
      .exec<DeliveryRow>(
        `SELECT * FROM deliveries WHERE number < ? ${filter} ORDER BY number DESC LIMIT ?`,
        ...[before ?? Number.MAX_SAFE_INTEGER, ...(state === undefined ? [] : [state]), limit + 1],
      )
      .toArray();
    const page = rows.slice(0, limit);
    return {
      deliveries: page.map((row) => toDelivery(row, this.#endpointId)),
      next: rows.length > limit ? page.at(-1)?.number : undefined,
    };
  }

  #sweep(newest: number): void {
    this.#sql.exec(
      "DELETE FROM deliveries WHERE number <= ? AND state <> 'pending'",
      newest - this.#maxEntries,
    );
  }
}

export function toTries(row: DeliveryRow): Tries {
  return {
    attempt: row.attempt,
    failures: row.failures,
    unreachableSinceMs: row.unreachable_ms ?? undefined,
  };
}

export function toDelivery(row: DeliveryRow, endpointId: string): WebhookDelivery {
  const { id, kind, channel, sequence, type, state, attempt, status, error, response } = row;
  return {
    id,
    endpointId,
    kind,
    channel,
    sequence,
    eventId: row.event_id,
    type,
    state,
    attempt,
    status,
    error,
    durationMs: row.duration_ms,
    response,
    nextAttemptAt: row.next_ms === null ? null : new Date(row.next_ms).toISOString(),
    createdAt: new Date(row.created_ms).toISOString(),
    updatedAt: new Date(row.updated_ms).toISOString(),
  };
}
