import type { Env } from "../env.ts";

export interface SigningKeys {
  readonly current: string;
  readonly next: string;
}

interface Row extends Record<string, SqlStorageValue> {
  current_key: string;
  next_key: string;
  rotated_from: string;
}

/**
 * The keys that deliveries are signed with: those of the settings, until they are rotated. Rotated keys hold for as
 * long as the settings stay what they were; new settings come first again.
 */
export class SigningKeyStore {
  readonly #sql: SqlStorage;
  readonly #given: SigningKeys;

  constructor(sql: SqlStorage, env: Env) {
    this.#sql = sql;
    this.#given = {
      current: env.QSTASH_CURRENT_SIGNING_KEY ?? "",
      next: env.QSTASH_NEXT_SIGNING_KEY ?? "",
    };
  }

  read(): SigningKeys {
    const [row] = this.#sql.exec<Row>("SELECT * FROM signing_keys").toArray();
    if (row?.rotated_from !== this.#givenText()) return this.#given;
    return { current: row.current_key, next: row.next_key };
  }

  /** The next key becomes the current one. */
  rotate(): SigningKeys {
    const bytes = crypto.getRandomValues(new Uint8Array(24));
    const fresh = `sig_${btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_")}`;
    const keys = { current: this.read().next, next: fresh };
    this.#sql.exec("DELETE FROM signing_keys");
    this.#sql.exec("INSERT INTO signing_keys VALUES (?, ?, ?)", keys.current, keys.next, this.#givenText());
    return keys;
  }

  #givenText(): string {
    return `${this.#given.current} ${this.#given.next}`;
  }
}
