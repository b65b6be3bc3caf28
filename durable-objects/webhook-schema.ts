/** The tables of a webhook endpoint. */
const TABLES = [
  // `news` is true while there may be something to read after the cursor.
  `CREATE TABLE lanes (
    channel TEXT PRIMARY KEY,
    cursor TEXT NOT NULL,
    news INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    allowed INTEGER NOT NULL,
    checked_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  "CREATE INDEX lanes_due ON lanes (due_ms) WHERE news = 1",
  `CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    channel TEXT,
    sequence TEXT,
    event_id TEXT NOT NULL,
    type TEXT NOT NULL,
    body TEXT,
    state TEXT NOT NULL,
    is_replay INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    unreachable_ms INTEGER,
    status INTEGER,
    error TEXT,
    duration_ms INTEGER NOT NULL,
    response TEXT,
    next_ms INTEGER,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  )`,
  "CREATE INDEX deliveries_state ON deliveries (state, number)",
  "CREATE INDEX deliveries_replay ON deliveries (next_ms) WHERE is_replay = 1 AND state = 'pending'",
] as const;

export function createSchema(sql: SqlStorage): void {
  for (const statement of TABLES) sql.exec(statement);
}
