import { DEDUPLICATION_MS } from "../settings.ts";

/** Which ids were published lately, and as which message. */
export class DeduplicationStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** @returns the message that was published under this id, where it was */
  find(id: string, nowMs: number): string | undefined {
    return this.#sql
      .exec<{ message_id: string }>(
        "SELECT message_id FROM deduplications WHERE id = ? AND expires_ms > ?",
        id,
        nowMs,
      )
      .toArray()[0]?.message_id;
  }

  remember(id: string, messageId: string, nowMs: number): void {
    this.#sql.exec("DELETE FROM deduplications WHERE expires_ms <= ?", nowMs);
    this.#sql.exec(
      "INSERT OR REPLACE INTO deduplications (id, message_id, expires_ms) VALUES (?, ?, ?)",
      id,
      messageId,
      nowMs + DEDUPLICATION_MS,
    );
  }
}
