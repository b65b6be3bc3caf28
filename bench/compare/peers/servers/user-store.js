// The user that the peers' RPC servers read, in node:sqlite.
import { DatabaseSync } from "node:sqlite";

export const USER_ID = "usr_0mwqcyxwl25prhassqyvb";

export function users() {
  const database = new DatabaseSync("peer.sqlite");
  database.exec("PRAGMA journal_mode=WAL");
  database.exec(
    "CREATE TABLE IF NOT EXISTS user (id TEXT PRIMARY KEY, name TEXT, email TEXT, seconds INTEGER)",
  );
  database
    .prepare("INSERT OR REPLACE INTO user VALUES (?, ?, ?, ?)")
    .run(USER_ID, "Ada Lovelace", "ada@example.com", 1_795_262_551);
  const select = database.prepare("SELECT * FROM user WHERE id = ?");
  return { find: (id) => select.get(id) };
}
