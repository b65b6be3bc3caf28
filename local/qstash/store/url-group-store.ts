export interface Endpoint {
  readonly url: string;
  readonly name?: string | undefined;
}

export interface UrlGroup {
  readonly name: string;
  readonly endpoints: readonly Endpoint[];
  readonly createdMs: number;
  readonly updatedMs: number;
}

interface Row extends Record<string, SqlStorageValue> {
  name: string;
  endpoints: string;
  created_ms: number;
  updated_ms: number;
}

export class UrlGroupStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  get(name: string): UrlGroup | undefined {
    const [row] = this.#sql.exec<Row>("SELECT * FROM url_groups WHERE name = ?", name).toArray();
    return row && toGroup(row);
  }

  list(): UrlGroup[] {
    return this.#sql.exec<Row>("SELECT * FROM url_groups ORDER BY name").toArray().map(toGroup);
  }

  put(name: string, endpoints: readonly Endpoint[], nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO url_groups (name, endpoints, created_ms, updated_ms) VALUES (?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET endpoints = excluded.endpoints, updated_ms = excluded.updated_ms`,
      name,
      JSON.stringify(endpoints),
      nowMs,
      nowMs,
    );
  }

  remove(name: string): void {
    this.#sql.exec("DELETE FROM url_groups WHERE name = ?", name);
  }
}

function toGroup(row: Row): UrlGroup {
  return {
    name: row.name,
    endpoints: JSON.parse(row.endpoints) as Endpoint[],
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
  };
}
