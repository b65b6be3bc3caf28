/** One step in the life of the schema. A step that was released is never edited: a new one is added. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly statements: readonly string[];
}

/**
 * A record is its JSON and a version. Fields that are filtered or sorted by are read out of the JSON by indexes on
 * expressions, which must be spelled as `records-query.ts` spells them. `position` is the order of creation.
 */
function collectionTable(table: string, indexedFields: readonly string[]): string[] {
  return [
    `CREATE TABLE ${table} (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      version INTEGER NOT NULL,
      unique_key TEXT UNIQUE,
      body TEXT NOT NULL
    )`,
    ...indexedFields.map(
      (field) => `CREATE INDEX ${table}_by_${field} ON ${table} (json_extract(body, '$.${field}'), position)`,
    ),
  ];
}

export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: "resources",
    statements: [
      ...collectionTable("users", ["name"]),
      ...collectionTable("posts", ["authorId"]),
      ...collectionTable("comments", ["postId"]),
      ...collectionTable("products", ["category", "price"]),
      ...collectionTable("orders", ["userId", "status"]),
    ],
  },
  {
    version: 2,
    name: "outbox",
    statements: [
      `CREATE TABLE outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT NOT NULL,
        type TEXT NOT NULL,
        json TEXT NOT NULL,
        dedupe_key TEXT,
        attempts INTEGER NOT NULL DEFAULT 0
      )`,
      "CREATE INDEX outbox_by_channel ON outbox (channel, position)",
    ],
  },
  {
    version: 3,
    name: "idempotency keys",
    statements: [
      `CREATE TABLE idempotency (
        key TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        body TEXT NOT NULL,
        created_ms INTEGER NOT NULL
      ) WITHOUT ROWID`,
      "CREATE INDEX idempotency_by_age ON idempotency (created_ms)",
    ],
  },
  {
    version: 4,
    name: "files",
    statements: [
      "CREATE TABLE files (name TEXT PRIMARY KEY, info TEXT NOT NULL) WITHOUT ROWID",
      // A value has at most 2 MB, so a file is kept in parts.
      "CREATE TABLE file_parts (name TEXT NOT NULL, part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (name, part))",
    ],
  },
  {
    version: 5,
    name: "job outbox and dead letters",
    statements: [
      `CREATE TABLE job_outbox (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        body TEXT NOT NULL,
        due_ms INTEGER NOT NULL,
        deduplication_id TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        refusals INTEGER NOT NULL DEFAULT 0,
        retry_ms INTEGER NOT NULL DEFAULT 0
      )`,
      "CREATE INDEX job_outbox_by_retry ON job_outbox (retry_ms)",
      "ALTER TABLE outbox ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0",
      // What could not leave by either outbox. `channel` or `name` says by which.
      `CREATE TABLE dead_letters (
        position INTEGER PRIMARY KEY AUTOINCREMENT,
        channel TEXT,
        name TEXT,
        body TEXT NOT NULL,
        key TEXT,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        failed_ms INTEGER NOT NULL
      )`,
    ],
  },
];

/** The steps that are still to be taken, in order. Pure. @throws Error where the store is from a newer release */
export function pendingMigrations(current: number, all: readonly Migration[]): readonly Migration[] {
  const newest = all.at(-1)?.version ?? 0;
  if (current > newest) {
    throw new Error(
      `The store is at version ${current}, this release knows up to ${newest}: do not go back.`,
    );
  }
  return all.filter((migration) => migration.version > current);
}

/** Brings the store to the newest version, each step in a transaction of its own with the note that it was taken. */
export function migrate(storage: DurableObjectStorage, all: readonly Migration[] = MIGRATIONS): void {
  const { sql } = storage;
  sql.exec(
    "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_ms INTEGER NOT NULL)",
  );
  const { version } = sql
    .exec<{ version: number }>("SELECT coalesce(max(version), 0) AS version FROM migrations")
    .one();
  for (const migration of pendingMigrations(version, all)) {
    storage.transactionSync(() => {
      for (const statement of migration.statements) sql.exec(statement);
      sql.exec("INSERT INTO migrations VALUES (?, ?, ?)", migration.version, migration.name, Date.now());
    });
  }
}
