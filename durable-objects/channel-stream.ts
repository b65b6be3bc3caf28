import type { CursorAlias, StreamState } from "./channel-stream-state.ts";
import { endsAtMs, PLAIN } from "./channel-stream-state.ts";

interface StreamRow extends Record<string, SqlStorageValue> {
  content_type: string | null;
  closed: number;
  ttl_s: number | null;
  expires_ms: number | null;
  touched_ms: number;
  writer_sequence: string | null;
  source: string | null;
  fork_number: number | null;
  fork_sub_offset: number | null;
  aliases: string | null;
  ended: number;
}

/**
 * What a channel is told as a stream, in SQLite, with all of it in memory: asking it costs a publish nothing. The
 * tables are the log's to make (`channel-schema.ts`).
 */
export class ChannelStream {
  readonly #sql: SqlStorage;
  #state: StreamState = PLAIN;
  #forks = 0;
  #releases: readonly string[] = [];

  constructor(sql: SqlStorage, hasSchema: boolean) {
    this.#sql = sql;
    if (!hasSchema) return;
    const [row] = sql.exec<StreamRow>("SELECT * FROM stream").toArray();
    if (row !== undefined) this.#state = toState(row);
    this.#countForks();
    this.#loadReleases();
  }

  get state(): StreamState {
    return this.#state;
  }

  /** True where there is nothing to look after on a publish: the usual channel. */
  get isPlain(): boolean {
    return this.#state === PLAIN;
  }

  get endsAtMs(): number | undefined {
    return endsAtMs(this.#state);
  }

  get hasForks(): boolean {
    return this.#forks > 0;
  }

  /** The channels that are still to be told that this one is no fork of them. */
  get releases(): readonly string[] {
    return this.#releases;
  }

  put(state: StreamState): void {
    this.#state = state;
    const { fork } = state;
    this.#sql.exec(
      `INSERT OR REPLACE INTO stream (id, content_type, closed, ttl_s, expires_ms, touched_ms, writer_sequence,
        source, fork_number, fork_sub_offset, aliases, ended) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      state.contentType ?? null,
      state.isClosed ? 1 : 0,
      state.ttlSeconds ?? null,
      state.expiresAtMs ?? null,
      state.touchedMs,
      state.writerSequence ?? null,
      fork?.source ?? null,
      fork?.number ?? null,
      fork?.subOffset ?? null,
      fork === undefined ? null : JSON.stringify(fork.aliases),
      state.isEnded ? 1 : 0,
    );
  }

  /** Notes a read or a write, where the stream's life is counted from the last one. */
  touch(nowMs: number): void {
    if (this.#state.ttlSeconds === undefined || this.#state.touchedMs === nowMs) return;
    this.#state = { ...this.#state, touchedMs: nowMs };
    this.#sql.exec("UPDATE stream SET touched_ms = ?", nowMs);
  }

  /**
   * Ends the stream with its log. While forks of it live, its name stays taken, and it remains a fork of its own
   * source; else it is gone, and its source is told.
   */
  end(): void {
    if (this.hasForks) {
      this.put({ ...this.#state, isEnded: true, ttlSeconds: undefined, expiresAtMs: undefined });
      return;
    }
    const { fork } = this.#state;
    if (fork !== undefined) this.addRelease(fork.source);
    if (!this.isPlain) this.#sql.exec("DELETE FROM stream");
    this.#state = PLAIN;
  }

  addFork(name: string): void {
    this.#sql.exec("INSERT OR IGNORE INTO forks (name) VALUES (?)", name);
    this.#countForks();
  }

  /** Forgets a fork. Where it was the last one of a stream that has ended, that is gone as well. */
  removeFork(name: string): void {
    this.#sql.exec("DELETE FROM forks WHERE name = ?", name);
    this.#countForks();
    if (this.#state.isEnded && !this.hasForks) this.end();
  }

  addRelease(source: string): void {
    this.#sql.exec("INSERT OR IGNORE INTO releases (source) VALUES (?)", source);
    this.#loadReleases();
  }

  removeRelease(source: string): void {
    this.#sql.exec("DELETE FROM releases WHERE source = ?", source);
    this.#loadReleases();
  }

  #countForks(): void {
    this.#forks = this.#sql.exec<{ n: number }>("SELECT COUNT(*) AS n FROM forks").one().n;
  }

  #loadReleases(): void {
    const rows = this.#sql.exec<{ source: string }>("SELECT source FROM releases").toArray();
    this.#releases = rows.map(({ source }) => source);
  }
}

function toState(row: StreamRow): StreamState {
  return {
    contentType: row.content_type ?? undefined,
    isClosed: row.closed === 1,
    ttlSeconds: row.ttl_s ?? undefined,
    expiresAtMs: row.expires_ms ?? undefined,
    touchedMs: row.touched_ms,
    writerSequence: row.writer_sequence ?? undefined,
    fork:
      row.source === null
        ? undefined
        : {
            source: row.source,
            number: row.fork_number ?? 0,
            subOffset: row.fork_sub_offset ?? 0,
            aliases: JSON.parse(row.aliases ?? "[]") as CursorAlias[],
          },
    isEnded: row.ended === 1,
  };
}
