import type { Answer, Message } from "../message.ts";
import { MAX_EVENTS } from "../settings.ts";

export type EventState = "CREATED" | "ACTIVE" | "RETRY" | "ERROR" | "DELIVERED" | "FAILED" | "CANCELED";

/** What the log says of one step of a message. Bodies are not in it. */
export interface LoggedEvent {
  readonly seq: number;
  readonly timeMs: number;
  readonly messageId: string;
  readonly state: EventState;
  readonly url: string;
  readonly method: string;
  readonly urlGroup: string | undefined;
  readonly endpointName: string | undefined;
  readonly queueName: string | undefined;
  readonly scheduleId: string | undefined;
  readonly flowControlKey: string | undefined;
  readonly labels: readonly string[];
  readonly callerIp: string | undefined;
  readonly maxRetries: number;
  readonly retried: number;
  readonly error: string | undefined;
  readonly status: number | undefined;
  readonly nextDeliveryMs: number | undefined;
}

interface Row extends Record<string, SqlStorageValue> {
  seq: number;
  time_ms: number;
  message_id: string;
  event: string;
}

/** How often the log is cut: not at every line, since that reads. */
const LINES_BETWEEN_CUTS = 256;

/** What happened to messages, the newest {@link MAX_EVENTS} of it. */
export class EventStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  append(
    state: EventState,
    message: Message,
    more: { readonly answer?: Answer; readonly nextDeliveryMs?: number } = {},
  ): void {
    const { spec } = message;
    const event = {
      state,
      url: spec.url,
      method: spec.method,
      urlGroup: spec.urlGroup,
      endpointName: spec.endpointName,
      queueName: spec.queueName,
      scheduleId: spec.scheduleId,
      flowControlKey: spec.flowControl?.key,
      labels: spec.labels,
      callerIp: spec.callerIp,
      maxRetries: spec.retries,
      retried: message.retried,
      error: more.answer?.error,
      status: more.answer?.status,
      nextDeliveryMs: more.nextDeliveryMs,
    };
    const { seq } = this.#sql
      .exec<{ seq: number }>(
        "INSERT INTO events (time_ms, message_id, event) VALUES (?, ?, ?) RETURNING seq",
        Date.now(),
        message.id,
        JSON.stringify(event),
      )
      .one();
    if (seq % LINES_BETWEEN_CUTS === 0) this.#sql.exec("DELETE FROM events WHERE seq <= ?", seq - MAX_EVENTS);
  }

  /** The newest first, from before `before`. */
  *list(before: number): Iterable<LoggedEvent> {
    const rows = this.#sql.exec<Row>(
      "SELECT seq, time_ms, message_id, event FROM events WHERE seq < ? ORDER BY seq DESC",
      before,
    );
    for (const row of rows) yield toEvent(row);
  }
}

function toEvent(row: Row): LoggedEvent {
  const event = JSON.parse(row.event) as Omit<LoggedEvent, "seq" | "timeMs" | "messageId">;
  return { ...event, seq: row.seq, timeMs: row.time_ms, messageId: row.message_id };
}
