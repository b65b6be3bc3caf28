/**
 * The tables of a channel. A version is never changed once it was deployed: what is new comes as the next version, and
 * a channel that was stored under an older one is brought up to date when it is loaded.
 */
const VERSION = 3;

const LOG_TABLES = [
  `CREATE TABLE life (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version INTEGER NOT NULL,
    name TEXT NOT NULL,
    epoch TEXT,
    ended_lives INTEGER NOT NULL,
    first INTEGER NOT NULL,
    registered INTEGER NOT NULL
  )`,
  "CREATE TABLE log (seq INTEGER PRIMARY KEY, ms INTEGER NOT NULL, type TEXT NOT NULL, dedupe TEXT, json TEXT NOT NULL)",
  // Only events whose publisher chose the id can come twice; the rest stay out of the index.
  "CREATE UNIQUE INDEX log_dedupe ON log (dedupe) WHERE dedupe IS NOT NULL",
  "CREATE TABLE dedupe (dedupe TEXT PRIMARY KEY, seq INTEGER NOT NULL, ms INTEGER NOT NULL) WITHOUT ROWID",
  "CREATE INDEX dedupe_ms ON dedupe (ms)",
  "CREATE TABLE producers (id TEXT PRIMARY KEY, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, cursor TEXT NOT NULL, ms INTEGER NOT NULL) WITHOUT ROWID",
] as const;

/** What a channel is told as a stream; a channel without a row is a plain one. */
const STREAM_TABLES = [
  `CREATE TABLE stream (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    content_type TEXT,
    closed INTEGER NOT NULL,
    ttl_s INTEGER,
    expires_ms INTEGER,
    touched_ms INTEGER NOT NULL,
    writer_sequence TEXT,
    source TEXT,
    fork_number INTEGER,
    fork_sub_offset INTEGER,
    aliases TEXT,
    ended INTEGER NOT NULL
  )`,
  // The forks of this channel that live.
  "CREATE TABLE forks (name TEXT PRIMARY KEY) WITHOUT ROWID",
  // The channels that this one is no fork of any more, and that have to be told.
  "CREATE TABLE releases (source TEXT PRIMARY KEY) WITHOUT ROWID",
] as const;

/** Who follows this channel durably, where each began, and how far it was told. */
const SUBSCRIBER_TABLES = [
  "CREATE TABLE subscribers (kind TEXT, id TEXT, from_number INTEGER NOT NULL, told INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID",
  "CREATE TABLE following (id INTEGER PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL)",
  "INSERT INTO following VALUES (1, 0)",
] as const;

/** Makes the tables of a channel that was never written to. */
export function createSchema(sql: SqlStorage, name: string): void {
  for (const statement of [...LOG_TABLES, ...STREAM_TABLES, ...SUBSCRIBER_TABLES]) sql.exec(statement);
  sql.exec(
    "INSERT INTO life (id, schema_version, name, epoch, ended_lives, first, registered) VALUES (1, ?, ?, NULL, 0, 1, 0)",
    VERSION,
    name,
  );
}

/** Brings the tables up to date. @param version what they were stored under */
export function migrateSchema(storage: DurableObjectStorage, version: number): void {
  if (version === VERSION) return;
  if (version > VERSION) throw new Error(`This channel was stored by a newer release (schema ${version}).`);
  storage.transactionSync(() => {
    // 1 -> 2: streams.
    if (version < 2) for (const statement of STREAM_TABLES) storage.sql.exec(statement);
    // 2 -> 3: durable subscribers.
    for (const statement of SUBSCRIBER_TABLES) storage.sql.exec(statement);
    storage.sql.exec("UPDATE life SET schema_version = ?", VERSION);
  });
}
