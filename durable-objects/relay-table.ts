/**
 * Which relays a channel has, in its SQLite: written when one begins or ends. A table of its own, made with the first,
 * since a channel that nobody has written to has none of the others.
 */
export class RelayTable {
  readonly #sql: SqlStorage;
  #relays: ReadonlySet<number>;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'relays'").toArray();
    const rows = tables.length === 0 ? [] : sql.exec<{ relay: number }>("SELECT relay FROM relays").toArray();
    this.#relays = new Set(rows.map(({ relay }) => relay));
  }

  list(): readonly number[] {
    return [...this.#relays];
  }

  add(relay: number): void {
    this.#sql.exec("CREATE TABLE IF NOT EXISTS relays (relay INTEGER PRIMARY KEY)");
    this.#sql.exec("INSERT OR IGNORE INTO relays VALUES (?)", relay);
    this.#relays = new Set([...this.#relays, relay]);
  }

  remove(relay: number): void {
    this.#relays = new Set([...this.#relays].filter((other) => other !== relay));
    this.#sql.exec("DELETE FROM relays WHERE relay = ?", relay);
  }
}
