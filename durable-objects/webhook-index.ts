import { DurableObject } from "cloudflare:workers";
import { EverywireError } from "../core/error.ts";
import type { Result } from "../core/result.ts";
import { attempt } from "../core/result.ts";
import { parseSettings } from "../core/settings.ts";
import type { ListEndpointsQuery } from "../core/webhooks.ts";

/** Which webhook endpoints there are, and whose. What an endpoint is, it knows itself. */
export class WebhookIndex extends DurableObject {
  readonly #sql: SqlStorage;
  readonly #maxPerOwner: number;

  constructor(context: DurableObjectState, env: unknown) {
    super(context, env as never);
    this.#maxPerOwner = parseSettings(env as Record<string, unknown>).limits.MAX_WEBHOOK_ENDPOINTS;
    this.#sql = context.storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS endpoints (id TEXT PRIMARY KEY, owner TEXT NOT NULL) WITHOUT ROWID",
    );
    this.#sql.exec("CREATE INDEX IF NOT EXISTS endpoints_owner ON endpoints (owner, id)");
  }

  /** Adds one; `rate_limited` where the owner has as many as there may be. */
  add(id: string, owner: string): Result<null> {
    return attempt(() => {
      const { count } = this.#sql
        .exec<{ count: number }>("SELECT COUNT(*) AS count FROM endpoints WHERE owner = ?", owner)
        .one();
      if (count >= this.#maxPerOwner) {
        throw new EverywireError(
          "rate_limited",
          `One owner has at most ${this.#maxPerOwner} webhook endpoints.`,
        );
      }
      this.#sql.exec("INSERT OR IGNORE INTO endpoints VALUES (?, ?)", id, owner);
      return null;
    });
  }

  remove(id: string): void {
    this.#sql.exec("DELETE FROM endpoints WHERE id = ?", id);
  }

  list({ owner, afterId, limit }: ListEndpointsQuery): string[] {
    const filter = owner === undefined ? "" : "AND owner = ?";
    return this.#sql
      .exec<{ id: string }>(
        `SELECT id FROM endpoints WHERE id > ? ${filter} ORDER BY id LIMIT ?`,
        ...[afterId ?? "", ...(owner === undefined ? [] : [owner]), limit],
      )
      .toArray()
      .map(({ id }) => id);
  }
}
