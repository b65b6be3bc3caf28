import { createEpoch, formatCursor } from "../core/cursor.ts";
import { withSequence } from "../core/event.ts";
import type { Limits } from "../core/limits.ts";
import type { EncodedEvent, ProducerStamp, Receipt, StoredEvent } from "../core/ports.ts";
import type { NewEvent } from "./channel-log-rows.ts";
import { LogRows, MAX_APPENDED_AT_ONCE } from "./channel-log-rows.ts";
import { createSchema, migrateSchema } from "./channel-schema.ts";
import type { LogState, ProducerRecord } from "./channel-state.ts";
import { firstByCount, isSweepDue, UNBORN } from "./channel-state.ts";

/** The events of one page together, in bytes: what crosses to a function at once. */
export const MAX_PAGE_CHARS = 1024 * 1024;

interface LifeRow extends Record<string, SqlStorageValue> {
  schema_version: number;
  name: string;
  epoch: string | null;
  ended_lives: number;
  first: number;
  registered: number;
}

/** An event that was appended just now, next to what its publisher is told. */
export interface Appended {
  readonly receipts: readonly Receipt[];
  /** Those that were not duplicates, in order: what live readers get. */
  readonly fresh: readonly StoredEvent[];
}

/**
 * The log of one channel in SQLite: events, dedupe records and producers. Nothing is written before the first append,
 * so that reading a name that nobody uses leaves nothing behind.
 *
 * The newest row of the log is never deleted, because its number is where the next append goes on.
 */
export class ChannelLog {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #limits: Limits;
  #state: LogState = UNBORN;
  #hasSchema = false;
  #isRegistered = true;
  #oldestRow = 1;
  #oldestMs: number | undefined;
  #name: string | undefined;
  #hasOldDedupe = false;
  /** Where rows are copied from and to; a copy is nobody's to read before {@link finishCopy}. */
  readonly rows: LogRows;

  constructor(storage: DurableObjectStorage, limits: Limits) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.rows = new LogRows(storage.sql);
    this.#limits = limits;
    this.#load();
  }

  get state(): LogState {
    return this.#state;
  }

  /** The channel's name, where it was ever written: an alarm does not say whose it is. */
  get name(): string | undefined {
    return this.#name;
  }

  /** False while nothing was ever written: then no table can be asked. */
  get hasSchema(): boolean {
    return this.#hasSchema;
  }

  get isRegistered(): boolean {
    return this.#isRegistered;
  }

  get oldestMs(): number | undefined {
    return this.#state.first <= this.#state.head ? this.#oldestMs : undefined;
  }

  get oldestDedupeMs(): number | undefined {
    if (!this.#hasOldDedupe) return undefined;
    const [row] = this.#sql.exec<{ ms: number | null }>("SELECT MIN(ms) AS ms FROM dedupe").toArray();
    return row?.ms ?? undefined;
  }

  /** Appends, all or none, in the caller's transaction or its own. */
  append(
    name: string,
    events: readonly EncodedEvent[],
    producer: ProducerStamp | undefined,
    nowMs: number,
  ): Appended {
    // One statement is atomic by itself; a transaction around it would only cost.
    const isOne = events.length <= MAX_APPENDED_AT_ONCE && producer === undefined;
    if (isOne && this.#hasSchema && this.#state.epoch !== undefined) {
      return this.#insertAll(events, undefined, nowMs);
    }
    const before = this.#state;
    try {
      return this.#storage.transactionSync(() => {
        this.#begin(name, nowMs);
        return this.#insertAll(events, producer, nowMs);
      });
    } catch (thrown) {
      this.#state = before;
      this.#load();
      throw thrown;
    }
  }

  #insertAll(events: readonly EncodedEvent[], producer: ProducerStamp | undefined, nowMs: number): Appended {
    const receipts: Receipt[] = [];
    const fresh: StoredEvent[] = [];
    const added: NewEvent[] = [];
    const { epoch } = this.#state;
    if (epoch === undefined) throw new Error("The log has not begun.");
    const before = this.#state.head;
    let head = before;
    /** The keys of this append, which no query finds yet. */
    const keys = new Map<string, string>();
    for (const { type, json: encoded, dedupeKey } of events) {
      const known = dedupeKey && (keys.get(dedupeKey) ?? this.#findDuplicate(dedupeKey));
      if (known) {
        receipts.push({ sequence: known, duplicate: true });
        continue;
      }
      head += 1;
      const sequence = formatCursor(epoch, head);
      const json = withSequence(encoded, sequence);
      if (dedupeKey) keys.set(dedupeKey, sequence);
      added.push({ type, dedupeKey, json });
      receipts.push({ sequence, duplicate: false });
      fresh.push({ sequence, type, json });
    }
    this.rows.append(before + 1, nowMs, added);
    this.#advance(head, nowMs);
    const last = receipts.at(-1);
    if (producer !== undefined && last !== undefined) this.#putProducer(producer, last.sequence, nowMs);
    return { receipts, fresh };
  }

  #advance(head: number, nowMs: number): void {
    const hadNone = this.#state.first > this.#state.head;
    const first = Math.max(this.#state.first, firstByCount(head, this.#limits.RETENTION_MAX_EVENTS));
    this.#state = { ...this.#state, head, first };
    if (hadNone && head >= first) this.#oldestMs = nowMs;
    if (isSweepDue(this.#state, this.#oldestRow, this.#limits.RETENTION_MAX_EVENTS)) this.#sweep(nowMs);
  }

  /** Events above `number`, at most `limit` and about 1 MiB of them. */
  read(number: number, limit: number): { readonly events: StoredEvent[]; readonly last: number } {
    const events: StoredEvent[] = [];
    const { epoch, first, head } = this.#state;
    let last = Math.max(number, first - 1);
    if (epoch === undefined || last >= head) return { events, last };
    let length = 0;
    const rows = this.#sql.exec<{ seq: number; type: string; json: string }>(
      "SELECT seq, type, json FROM log WHERE seq > ? ORDER BY seq LIMIT ?",
      last,
      limit,
    );
    for (const row of rows) {
      length += row.json.length;
      if (events.length > 0 && length > MAX_PAGE_CHARS) break;
      events.push({ sequence: formatCursor(epoch, row.seq), type: row.type, json: row.json });
      last = row.seq;
    }
    return { events, last };
  }

  /** Lets go of events that are older than the retention; cheap where there are none. */
  expire(nowMs: number): void {
    const cutoffMs = nowMs - this.#limits.RETENTION_MAX_AGE_SECONDS * 1000;
    if (this.#oldestMs === undefined || this.#oldestMs > cutoffMs || this.#state.first > this.#state.head)
      return;
    const [row] = this.#sql
      .exec<{ seq: number; ms: number }>(
        "SELECT seq, ms FROM log WHERE seq >= ? AND ms > ? ORDER BY seq LIMIT 1",
        this.#state.first,
        cutoffMs,
      )
      .toArray();
    this.#state = { ...this.#state, first: row?.seq ?? this.#state.head + 1 };
    this.#oldestMs = row?.ms;
    this.#sweep(nowMs);
  }

  /** Forgets dedupe records that are older than the window. */
  forgetDuplicates(nowMs: number): void {
    if (!this.#hasOldDedupe) return;
    this.#sql.exec("DELETE FROM dedupe WHERE ms <= ?", nowMs - this.#limits.DEDUPE_WINDOW_SECONDS * 1000);
    this.#hasOldDedupe = this.oldestDedupeMs !== undefined;
  }

  /** Begins a life with the rows that were copied. @param first the oldest number that a reader may have */
  finishCopy(epoch: string, first: number): void {
    this.#sql.exec("UPDATE life SET epoch = ?, first = ?, registered = 0", epoch, first);
    this.#load();
  }

  /** Deletes the rows of a copy that is not finished. */
  dropCopy(): void {
    if (this.#state.epoch === undefined) this.#sql.exec("DELETE FROM log");
  }

  /** Notes where a producer stands when it closed the stream and appended nothing. */
  moveProducer(producer: ProducerStamp, nowMs: number): void {
    const { epoch, head } = this.#state;
    if (epoch !== undefined) this.#putProducer(producer, formatCursor(epoch, head), nowMs);
  }

  /** Ends this life; true where there was one. What a reader still holds a cursor to is a gap from now on. */
  delete(): boolean {
    if (this.#state.epoch === undefined) return false;
    this.#storage.transactionSync(() => {
      for (const table of ["log", "dedupe", "producers", "subscribers"])
        this.#sql.exec(`DELETE FROM ${table}`);
      this.#sql.exec(
        "UPDATE life SET epoch = NULL, ended_lives = ended_lives + 1, first = 1, registered = 0",
      );
    });
    this.#load();
    return true;
  }

  markRegistered(): void {
    this.#isRegistered = true;
    this.#sql.exec("UPDATE life SET registered = 1");
  }

  findProducer(id: string): ProducerRecord | undefined {
    if (!this.#hasSchema) return undefined;
    const [row] = this.#sql
      .exec<{ epoch: number; seq: number; cursor: string }>(
        "SELECT epoch, seq, cursor FROM producers WHERE id = ?",
        id,
      )
      .toArray();
    return row === undefined ? undefined : { epoch: row.epoch, sequence: row.seq, cursor: row.cursor };
  }

  #putProducer(producer: ProducerStamp, cursor: string, nowMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO producers (id, epoch, seq, cursor, ms) VALUES (?, ?, ?, ?, ?)",
      producer.id,
      producer.epoch,
      producer.sequence,
      cursor,
      nowMs,
    );
  }

  #findDuplicate(dedupeKey: string): string | undefined {
    const { epoch } = this.#state;
    const query = this.#hasOldDedupe
      ? "SELECT seq FROM log WHERE dedupe = ?1 UNION ALL SELECT seq FROM dedupe WHERE dedupe = ?1 LIMIT 1"
      : "SELECT seq FROM log WHERE dedupe = ?1 LIMIT 1";
    for (const row of this.#sql.exec<{ seq: number }>(query, dedupeKey)) {
      return epoch === undefined ? undefined : formatCursor(epoch, row.seq);
    }
    return undefined;
  }

  /** Deletes rows that readers no longer see; what must still be known as a duplicate moves to its own table. */
  #sweep(nowMs: number): void {
    const below = Math.min(this.#state.first, this.#state.head);
    this.#sql.exec(
      "INSERT OR IGNORE INTO dedupe (dedupe, seq, ms) SELECT dedupe, seq, ms FROM log WHERE seq < ? AND dedupe IS NOT NULL AND ms > ?",
      below,
      nowMs - this.#limits.DEDUPE_WINDOW_SECONDS * 1000,
    );
    this.#sql.exec("DELETE FROM log WHERE seq < ?", below);
    this.#sql.exec("UPDATE life SET first = ?", this.#state.first);
    this.#oldestRow = below;
    this.#loadOldest();
    this.#hasOldDedupe = true;
    this.#hasOldDedupe = this.oldestDedupeMs !== undefined;
  }

  /** Begins a life without an event, as a stream is created before anything is appended to it. */
  begin(name: string, nowMs: number): void {
    this.#storage.transactionSync(() => this.#begin(name, nowMs));
  }

  /** Makes the tables where there are none yet. */
  prepare(name: string): void {
    if (this.#hasSchema) return;
    createSchema(this.#sql, name);
    this.#hasSchema = true;
    this.#name = name;
  }

  /** Makes the tables on the first append of all, and the epoch on the first of each life. */
  #begin(name: string, nowMs: number): void {
    this.prepare(name);
    if (this.#state.epoch === undefined) {
      const epoch = createEpoch(nowMs, Math.random());
      this.#sql.exec("UPDATE life SET epoch = ?, first = 1, registered = 0", epoch);
      this.#state = { ...this.#state, epoch, head: 0, first: 1 };
      this.#isRegistered = false;
      this.#oldestRow = 1;
      this.#oldestMs = undefined;
    }
  }

  #load(): void {
    const tables = this.#sql
      .exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'life'")
      .toArray();
    this.#hasSchema = tables.length > 0;
    if (!this.#hasSchema) {
      this.#state = UNBORN;
      this.#isRegistered = true;
      return;
    }
    const life = this.#sql.exec<LifeRow>("SELECT * FROM life").one();
    migrateSchema(this.#storage, life.schema_version);
    // Left behind by a copy that was not finished: it was never anybody's to read.
    if (life.epoch === null) this.#sql.exec("DELETE FROM log");
    const { head, oldest } = this.#sql
      .exec<{ head: number | null; oldest: number | null }>(
        "SELECT MAX(seq) AS head, MIN(seq) AS oldest FROM log",
      )
      .one();
    this.#name = life.name;
    this.#isRegistered = life.registered === 1;
    this.#oldestRow = oldest ?? 1;
    const newest = head ?? 0;
    this.#state = {
      epoch: life.epoch ?? undefined,
      endedLives: life.ended_lives,
      head: newest,
      first: Math.max(life.first, firstByCount(newest, this.#limits.RETENTION_MAX_EVENTS)),
    };
    this.#loadOldest();
    this.#hasOldDedupe = true;
    this.#hasOldDedupe = this.oldestDedupeMs !== undefined;
  }

  #loadOldest(): void {
    const [row] = this.#sql
      .exec<{ ms: number }>("SELECT ms FROM log WHERE seq >= ? ORDER BY seq LIMIT 1", this.#state.first)
      .toArray();
    this.#oldestMs = row?.ms;
  }
}
