import type { ChannelGlob } from "../core/channel-name.ts";
import type { Following, SubscriberKey, SubscriberKind } from "./subscriber.ts";
import { globHead, isFollowed, nameHeads } from "./subscriber.ts";

/** Which durable subscribers want which globs, and which channels have still to be told of a change. */
export class DirectoryFollowers {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    for (const statement of [
      "CREATE TABLE IF NOT EXISTS subscriptions (kind TEXT, id TEXT, glob TEXT, head TEXT NOT NULL, PRIMARY KEY (kind, id, glob)) WITHOUT ROWID",
      "CREATE INDEX IF NOT EXISTS subscriptions_head ON subscriptions (head)",
      "CREATE TABLE IF NOT EXISTS revisions (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL)",
      "INSERT OR IGNORE INTO revisions VALUES (1, 1)",
      "CREATE TABLE IF NOT EXISTS untold (channel TEXT PRIMARY KEY) WITHOUT ROWID",
    ]) {
      this.#sql.exec(statement);
    }
  }

  /** Puts new globs in place of what a subscriber had. Gives the old ones. */
  replace({ kind, id }: SubscriberKey, globs: readonly ChannelGlob[]): readonly ChannelGlob[] {
    return this.#storage.transactionSync(() => {
      const old = this.#sql
        .exec<{ glob: ChannelGlob }>(
          "DELETE FROM subscriptions WHERE kind = ? AND id = ? RETURNING glob",
          kind,
          id,
        )
        .toArray();
      for (const glob of new Set(globs)) {
        this.#sql.exec("INSERT INTO subscriptions VALUES (?, ?, ?, ?)", kind, id, glob, globHead(glob));
      }
      this.#sql.exec("UPDATE revisions SET revision = revision + 1");
      return old.map(({ glob }) => glob);
    });
  }

  /** Who follows a channel now. */
  of(channel: string): Following {
    const { revision } = this.#sql.exec<{ revision: number }>("SELECT revision FROM revisions").one();
    const rows = this.#sql.exec<{ kind: SubscriberKind; id: string; glob: ChannelGlob }>(
      "SELECT kind, id, glob FROM subscriptions WHERE head IN (?, ?, ?)",
      ...nameHeads(channel),
    );
    const subscribers = new Map<string, SubscriberKey>();
    for (const { kind, id, glob } of rows) {
      if (isFollowed(channel, [glob])) subscribers.set(`${kind} ${id}`, { kind, id });
    }
    return { revision, subscribers: [...subscribers.values()] };
  }

  addUntold(channels: readonly string[]): void {
    for (const channel of channels) this.#sql.exec("INSERT OR IGNORE INTO untold VALUES (?)", channel);
  }

  removeUntold(channel: string): void {
    this.#sql.exec("DELETE FROM untold WHERE channel = ?", channel);
  }

  untold(limit: number): readonly string[] {
    return this.#sql
      .exec<{ channel: string }>("SELECT channel FROM untold LIMIT ?", limit)
      .toArray()
      .map(({ channel }) => channel);
  }
}
