/**
 * Bodies are last in their rows: SQLite keeps what is large in pages of its own, and then reads the rest without them.
 * `spec` is a MessageSpec as JSON; the columns beside it are what is searched by.
 */
const TABLES = [
  `CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    is_active INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    retried INTEGER NOT NULL DEFAULT 0,
    lane TEXT,
    number INTEGER,
    host TEXT NOT NULL,
    flow_key TEXT,
    spec TEXT NOT NULL,
    body BLOB NOT NULL
  )`,
  // With all that a search passes messages over for, so that it need not read them.
  "CREATE INDEX IF NOT EXISTS messages_due ON messages (is_active, due_ms, seq, lane, host, flow_key)",
  "CREATE INDEX IF NOT EXISTS messages_lane ON messages (lane, number) WHERE lane IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS messages_flow ON messages (flow_key, is_active) WHERE flow_key IS NOT NULL",
  `CREATE TABLE IF NOT EXISTS dead_letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    message_id TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    due_ms INTEGER NOT NULL,
    retried INTEGER NOT NULL,
    failed_ms INTEGER NOT NULL,
    spec TEXT NOT NULL,
    status INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    answer BLOB NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    event TEXT NOT NULL
  )`,
  "CREATE INDEX IF NOT EXISTS events_message ON events (message_id)",
  `CREATE TABLE IF NOT EXISTS deduplications (
    id TEXT PRIMARY KEY,
    message_id TEXT NOT NULL,
    expires_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY,
    parallelism INTEGER NOT NULL,
    is_paused INTEGER NOT NULL,
    last_number INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS url_groups (
    name TEXT PRIMARY KEY,
    endpoints TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS schedules (
    id TEXT PRIMARY KEY,
    cron TEXT NOT NULL,
    destination TEXT NOT NULL,
    queue_name TEXT,
    options TEXT NOT NULL,
    is_paused INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    last_ms INTEGER,
    next_ms INTEGER NOT NULL,
    last_states TEXT NOT NULL,
    body BLOB NOT NULL
  )`,
  `CREATE TABLE IF NOT EXISTS flow_controls (
    key TEXT PRIMARY KEY,
    parallelism INTEGER,
    rate INTEGER,
    period_seconds INTEGER NOT NULL,
    is_paused INTEGER NOT NULL DEFAULT 0,
    is_parallelism_pinned INTEGER NOT NULL DEFAULT 0,
    is_rate_pinned INTEGER NOT NULL DEFAULT 0,
    period_start_ms INTEGER NOT NULL DEFAULT 0,
    rate_count INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS signing_keys (
    current_key TEXT NOT NULL,
    next_key TEXT NOT NULL,
    rotated_from TEXT NOT NULL
  )`,
];

export function createSchema(sql: SqlStorage): void {
  for (const table of TABLES) sql.exec(table);
}
