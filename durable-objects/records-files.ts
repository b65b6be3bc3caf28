import type { FileInfo, SaveFileRequest, StoredFile } from "../core/records.ts";
import { addToOutbox } from "./records-outbox.ts";

/** Half of what SQLite takes in one value here. */
const PART_BYTES = 1024 * 1024;

/** Small files beside the records, such as avatars: in SQLite too, so that a file and its events are one transaction. */
export class FileStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  save({ name, info, bytes, events }: SaveFileRequest): null {
    return this.#storage.transactionSync(() => {
      this.#sql.exec("INSERT OR REPLACE INTO files VALUES (?, ?)", name, JSON.stringify(info));
      this.#sql.exec("DELETE FROM file_parts WHERE name = ?", name);
      for (let part = 0; part * PART_BYTES < bytes.byteLength; part += 1) {
        const slice = bytes.slice(part * PART_BYTES, (part + 1) * PART_BYTES);
        this.#sql.exec("INSERT INTO file_parts VALUES (?, ?, ?)", name, part, slice.buffer);
      }
      addToOutbox(this.#sql, events);
      return null;
    });
  }

  get(name: string): StoredFile | undefined {
    const info = this.describe(name);
    if (info === undefined) return undefined;
    const bytes = new Uint8Array(info.sizeBytes);
    let offset = 0;
    for (const row of this.#sql.exec<{ bytes: ArrayBuffer }>(
      "SELECT bytes FROM file_parts WHERE name = ? ORDER BY part",
      name,
    )) {
      bytes.set(new Uint8Array(row.bytes), offset);
      offset += row.bytes.byteLength;
    }
    return { info, bytes };
  }

  describe(name: string): FileInfo | undefined {
    const [row] = this.#sql.exec<{ info: string }>("SELECT info FROM files WHERE name = ?", name).toArray();
    return row === undefined ? undefined : (JSON.parse(row.info) as FileInfo);
  }
}
