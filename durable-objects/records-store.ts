import type { CollectionName, Entities } from "../core/entities/collections.ts";
import { collectionRules } from "../core/entities/collections.ts";
import type { Product } from "../core/entities/product.ts";
import type { Limits } from "../core/limits.ts";
import { fulfilOrder } from "../core/operations/fulfil-order.ts";
import {
  emailTaken,
  formatPosition,
  IDEMPOTENCY_WINDOW_MS,
  keyReused,
  parentMissing,
  uniqueKey,
} from "../core/record-rules.ts";
import type {
  IdempotencyClaim,
  InsertManyRequest,
  InsertRequest,
  ListQuery,
  OutboxEvent,
  ParentsQuery,
  PlaceOrderRequest,
  RemoveRequest,
  UpdateOutcome,
  UpdateRequest,
} from "../core/records.ts";
import { addJobs } from "./records-job-outbox.ts";
import { addToOutbox } from "./records-outbox.ts";
import { toListStatements, toParentStatement } from "./records-query.ts";

/** A record as it crosses the RPC: its JSON is parsed once, on the side that uses it. */
export interface StoredText {
  readonly version: number;
  readonly body: string;
}

export interface TextPage {
  readonly records: readonly StoredText[];
  readonly total: number | undefined;
  readonly nextCursor: string | undefined;
}

export interface InsertedText {
  readonly stored: StoredText;
  readonly isReplay: boolean;
}

type Row = { version: number; body: string };

/** The tables of the resources. Every write and its events are one transaction; nothing here waits for anything. */
export class RecordStore {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;
  readonly #limits: Limits;

  constructor(storage: DurableObjectStorage, limits: Limits) {
    this.#limits = limits;
    this.#storage = storage;
    this.#sql = storage.sql;
  }

  get(collection: CollectionName, id: string): StoredText | undefined {
    const rows = this.#sql.exec<Row>(`SELECT version, body FROM ${collection} WHERE id = ?`, id).toArray();
    return rows[0];
  }

  /** @throws EverywireError `invalid_argument` for a bad cursor */
  list(collection: CollectionName, query: ListQuery): TextPage {
    const statements = toListStatements(collection, query);
    const { rows } = statements;
    const found = this.#sql.exec<Row & { position: number }>(rows.sql, ...rows.bindings).toArray();
    const { window } = query;
    const toText = ({ version, body }: Row): StoredText => ({ version, body });
    if (window.kind === "page") {
      const { sql, bindings } = statements.total ?? { sql: "SELECT 0 AS total", bindings: [] };
      const { total } = this.#sql.exec<{ total: number }>(sql, ...bindings).one();
      // A page in order of creation ends where a cursor would go on.
      const last = found.at(-1);
      const hasMore = query.sort.length === 0 && window.page * window.perPage < total && last !== undefined;
      const nextCursor = hasMore ? formatPosition(last.position, false) : undefined;
      return { records: found.map(toText), total, nextCursor };
    }
    const page = found.slice(0, window.limit);
    const last = page.at(-1);
    const hasMore = found.length > window.limit && last !== undefined;
    const nextCursor = hasMore ? formatPosition(last.position, window.isNewestFirst) : undefined;
    return { records: page.map(toText), total: undefined, nextCursor };
  }

  /** For each parent its first records. One statement for each: a lookup in an index costs microseconds here. */
  listByParents(collection: CollectionName, { field, parentIds, limit }: ParentsQuery): StoredText[][] {
    const sql = toParentStatement(collection, field);
    return parentIds.map((id) => this.#sql.exec<Row>(sql, id, limit).toArray());
  }

  /** @throws EverywireError `already_exists`, `not_found`, `validation_failed` */
  insert(request: InsertRequest<CollectionName>, nowMs: number): InsertedText {
    return this.#storage.transactionSync(() => {
      const replayed = this.#findReplay(request.idempotency, nowMs);
      if (replayed !== undefined) return replayed;
      const { collection, parent, value, events } = request;
      if (parent !== undefined && this.get(parent.collection, parent.id) === undefined) {
        throw parentMissing(parent.collection);
      }
      const stored = this.#insertRow(collection, value);
      this.#afterInsert(request.idempotency, stored, events, nowMs);
      return { stored, isReplay: false };
    });
  }

  /** @throws EverywireError `already_exists`, `validation_failed` */
  insertMany(request: InsertManyRequest<CollectionName>, nowMs: number): "done" | "replay" {
    return this.#storage.transactionSync(() => {
      const { collection, values, events, idempotency } = request;
      if (this.#findReplay(idempotency, nowMs) !== undefined) return "replay";
      for (const value of values) this.#insertRow(collection, value);
      if (idempotency !== undefined) this.#rememberKey(idempotency, "", nowMs);
      this.#addEvents(events);
      return "done";
    });
  }

  /** @throws EverywireError `already_exists` */
  update(request: UpdateRequest<CollectionName>, nowMs: number): UpdateOutcome {
    return this.#storage.transactionSync(() => {
      const { collection, value, ifVersion, events, jobs = [] } = request;
      const conflict = this.#checkVersion(collection, value.id, ifVersion);
      if (conflict !== undefined) return conflict;
      this.#updateRow(collection, value);
      this.#addEvents(events);
      addJobs(this.#sql, jobs, nowMs);
      return "done";
    });
  }

  remove(request: RemoveRequest): UpdateOutcome {
    return this.#storage.transactionSync(() => {
      const { collection, id, ifVersion, events } = request;
      const conflict = this.#checkVersion(collection, id, ifVersion);
      if (conflict !== undefined) return conflict;
      this.#sql.exec(`DELETE FROM ${collection} WHERE id = ?`, id);
      const { dependents } = collectionRules(collection);
      if (dependents !== undefined) {
        const { collection: other, field } = dependents;
        this.#sql.exec(`DELETE FROM ${other} WHERE json_extract(body, '$.${field}') = ?`, id);
      }
      this.#addEvents(events);
      return "done";
    });
  }

  /** @throws EverywireError `already_exists`, `validation_failed`. Gives the channels that have new events too. */
  placeOrder(request: PlaceOrderRequest): InsertedText & { readonly channels: readonly string[] } {
    return this.#storage.transactionSync(() => {
      const replayed = this.#findReplay(request.idempotency, request.nowMs);
      if (replayed !== undefined) return { ...replayed, channels: [] };
      const products = new Map<string, Product>();
      for (const { productId } of request.items) {
        const found = this.get("products", productId);
        if (found !== undefined) products.set(productId, JSON.parse(found.body) as Product);
      }
      const context = { nowMs: request.nowMs, limits: this.#limits };
      const fulfilled = fulfilOrder(context, request, products);
      for (const product of fulfilled.products) this.#updateRow("products", product);
      const stored = this.#insertRow("orders", fulfilled.order);
      this.#afterInsert(request.idempotency, stored, fulfilled.events, request.nowMs);
      addJobs(this.#sql, fulfilled.jobs, request.nowMs);
      return { stored, isReplay: false, channels: fulfilled.events.map((event) => event.channel) };
    });
  }

  /** Forgets the idempotency keys that are over their time. Gives the age of the oldest that is left. */
  expireKeys(nowMs: number): number | undefined {
    this.#sql.exec("DELETE FROM idempotency WHERE created_ms <= ?", nowMs - IDEMPOTENCY_WINDOW_MS);
    const { oldest } = this.#sql
      .exec<{ oldest: number | null }>("SELECT min(created_ms) AS oldest FROM idempotency")
      .one();
    return oldest ?? undefined;
  }

  #insertRow(collection: CollectionName, value: Entities[CollectionName]): StoredText {
    const key = uniqueKey(collection, value);
    this.#assertUnique(collection, value.id, key);
    const body = JSON.stringify(value);
    this.#sql.exec(
      `INSERT INTO ${collection} (id, version, unique_key, body) VALUES (?, 1, ?, ?)`,
      value.id,
      key,
      body,
    );
    return { version: 1, body };
  }

  #updateRow(collection: CollectionName, value: Entities[CollectionName]): void {
    const key = uniqueKey(collection, value);
    this.#assertUnique(collection, value.id, key);
    this.#sql.exec(
      `UPDATE ${collection} SET version = version + 1, unique_key = ?, body = ? WHERE id = ?`,
      key,
      JSON.stringify(value),
      value.id,
    );
  }

  #checkVersion(
    collection: CollectionName,
    id: string,
    ifVersion: number,
  ): "conflict" | "missing" | undefined {
    const current = this.get(collection, id);
    if (current === undefined) return "missing";
    return current.version === ifVersion ? undefined : "conflict";
  }

  /** Looked up rather than caught: the text of a broken constraint is SQLite's to change. */
  #assertUnique(collection: CollectionName, id: string, key: string | null): void {
    if (key === null) return;
    const others = this.#sql
      .exec(`SELECT 1 FROM ${collection} WHERE unique_key = ? AND id <> ?`, key, id)
      .toArray();
    if (others.length === 0) return;
    throw emailTaken();
  }

  #findReplay(claim: IdempotencyClaim | undefined, nowMs: number): InsertedText | undefined {
    if (claim === undefined) return undefined;
    const [row] = this.#sql
      .exec<{ fingerprint: string; body: string }>(
        "SELECT fingerprint, body FROM idempotency WHERE key = ? AND created_ms > ?",
        claim.key,
        nowMs - IDEMPOTENCY_WINDOW_MS,
      )
      .toArray();
    if (row === undefined) return undefined;
    if (row.fingerprint === claim.fingerprint)
      return { stored: { version: 1, body: row.body }, isReplay: true };
    throw keyReused();
  }

  #afterInsert(
    claim: IdempotencyClaim | undefined,
    stored: StoredText,
    events: readonly OutboxEvent[],
    nowMs: number,
  ): void {
    if (claim !== undefined) this.#rememberKey(claim, stored.body, nowMs);
    this.#addEvents(events);
  }

  #rememberKey(claim: IdempotencyClaim, body: string, nowMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?)",
      claim.key,
      claim.fingerprint,
      body,
      nowMs,
    );
  }

  #addEvents(events: readonly OutboxEvent[]): void {
    addToOutbox(this.#sql, events);
  }
}
