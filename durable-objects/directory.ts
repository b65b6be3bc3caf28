import { DurableObject } from "cloudflare:workers";
import type { ChannelGlob, ChannelName } from "../core/channel-name.ts";
import { globPrefix, matchesGlob } from "../core/channel-name.ts";
import type { ChannelListing, ListChannelsRequest } from "../core/ports.ts";

/** Names that a glob lookup looks at before it gives a page back. */
const SCAN_PAGE = 1000;
/** Sorts after every character that a channel name can have. */
const AFTER_ALL = "\u{10ffff}";

/** Which channels exist: one object, told by each channel when it begins and when it ends. */
export class Directory extends DurableObject {
  readonly #sql: SqlStorage;

  constructor(context: DurableObjectState, env: unknown) {
    super(context, env as never);
    this.#sql = context.storage.sql;
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS channels (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) WITHOUT ROWID",
    );
  }

  /** Says that the directory can be asked. */
  ping(): boolean {
    return true;
  }

  register(name: string, createdMs: number): void {
    this.#sql.exec("INSERT OR IGNORE INTO channels (name, created_ms) VALUES (?, ?)", name, createdMs);
  }

  remove(name: string): void {
    this.#sql.exec("DELETE FROM channels WHERE name = ?", name);
  }

  /** Names that start with a prefix, in order; the index gives them without reading any others. */
  list(request: ListChannelsRequest): ChannelListing[] {
    const { prefix, afterName, limit } = request;
    return this.#range(prefix, afterName, limit).map(({ name, created_ms }) => ({
      name: name as ChannelName,
      createdAt: new Date(created_ms).toISOString(),
    }));
  }

  /** Names that match a glob, in order, after `afterName`. */
  match(glob: ChannelGlob, afterName: string | undefined, limit: number): ChannelName[] {
    const prefix = globPrefix(glob);
    const names: ChannelName[] = [];
    let last = afterName;
    for (;;) {
      const rows = this.#range(prefix, last, SCAN_PAGE);
      for (const { name } of rows) {
        if (matchesGlob(name, glob)) names.push(name as ChannelName);
        if (names.length === limit) return names;
      }
      last = rows.at(-1)?.name;
      if (rows.length < SCAN_PAGE) return names;
    }
  }

  #range(prefix: string, afterName: string | undefined, limit: number) {
    return this.#sql
      .exec<{ name: string; created_ms: number }>(
        "SELECT name, created_ms FROM channels WHERE name >= ? AND name > ? AND name < ? ORDER BY name LIMIT ?",
        prefix,
        afterName ?? "",
        `${prefix}${AFTER_ALL}`,
        limit,
      )
      .toArray();
  }
}
