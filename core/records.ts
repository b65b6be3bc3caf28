import type { ChannelName } from "./channel-name.ts";
import type { CollectionName, Comparison, Entities } from "./entities/collections.ts";
import type { OrderItemInput } from "./entities/order.ts";
import type { QueuedJob } from "./queue.ts";

/**
 * The store of resources (CONTRACT §3): one port, so that what is below it can be SQLite in a Durable Object or Redis.
 *
 * A write carries its events; the store keeps both or neither, and then sees to it that the events reach their
 * channels, in order and once. Every call is one round trip, and every decision that needs more than one record at
 * a time (unique emails, stock, a post that must exist) is the store's, inside its transaction.
 */
export interface Records {
  /** Which store this is; `/ready` tells it. */
  readonly store: StoreName;
  get<C extends CollectionName>(collection: C, id: string): Promise<Stored<Entities[C]> | undefined>;
  /** Records by id, in the order asked for; undefined where there is none. */
  getMany<C extends CollectionName>(
    collection: C,
    ids: readonly string[],
  ): Promise<readonly (Stored<Entities[C]> | undefined)[]>;
  /** @throws EverywireError `invalid_argument` for a cursor that is none of its own */
  list<C extends CollectionName>(collection: C, query: ListQuery): Promise<RecordPage<Entities[C]>>;
  /**
   * @throws EverywireError `already_exists` for an email that is taken, `not_found` where the parent is missing,
   *   `validation_failed` where the idempotency key was used for something else
   */
  insert<C extends CollectionName>(request: InsertRequest<C>): Promise<Inserted<Entities[C]>>;
  /**
   * Inserts several records with their events, all or none. With an idempotency claim, what was done before is not
   * done again: the answer is `replay`.
   *
   * @throws EverywireError `already_exists`
   */
  insertMany<C extends CollectionName>(request: InsertManyRequest<C>): Promise<"done" | "replay">;
  /** Replaces a record if it is still at `ifVersion`. @throws EverywireError `already_exists` */
  update<C extends CollectionName>(request: UpdateRequest<C>): Promise<UpdateOutcome>;
  /** Removes a record, and what depends on it, if it is still at `ifVersion`. */
  remove(request: RemoveRequest): Promise<UpdateOutcome>;
  /**
   * Takes the items out of stock and stores the order, at the prices of that moment: see `fulfilOrder`.
   *
   * @throws EverywireError `already_exists` for too little stock, `validation_failed` for an unknown product or an
   *   idempotency key that was used for something else
   */
  placeOrder(request: PlaceOrderRequest): Promise<Inserted<Entities["orders"]>>;
  /** For each parent the first records that name it in `field`, in order of creation: one round trip for all. */
  listByParents<C extends CollectionName>(
    collection: C,
    query: ParentsQuery,
  ): Promise<readonly (readonly Stored<Entities[C]>[])[]>;
  /** Stores a file in place of the one of that name, together with its events. */
  saveFile(request: SaveFileRequest): Promise<void>;
  getFile(name: string): Promise<StoredFile | undefined>;
  /** What is known of files by name, without their bytes, in the order asked for. */
  describeFiles(names: readonly string[]): Promise<readonly (FileInfo | undefined)[]>;
  /** The user that an order belongs to; undefined where there is no such order. */
  orderOwner(orderId: string): Promise<string | undefined>;
}

/** `none`: this server was built without any resources. */
export type StoreName = "sqlite" | "upstash-redis" | "none";

/** A record and how often it was written: 1 when created. */
export interface Stored<T> {
  readonly version: number;
  readonly value: T;
}

/** An event on its way to its channel: an `EncodedEvent` and where it goes. */
export interface OutboxEvent {
  readonly channel: ChannelName;
  readonly type: string;
  readonly json: string;
  readonly dedupeKey: string | undefined;
}

/** One narrowing of a list. The field and the comparison come from `COLLECTIONS`, never from a client. */
export interface Filter {
  readonly field: string;
  readonly comparison: Comparison;
  readonly value: string | number;
}

export interface SortKey {
  readonly field: string;
  readonly isDescending: boolean;
}

/** Which part of a list: a page by number with its total, or what follows a cursor in order of creation. */
export type ListWindow =
  | { readonly kind: "page"; readonly page: number; readonly perPage: number }
  | {
      readonly kind: "cursor";
      readonly after: string | undefined;
      readonly limit: number;
      readonly isNewestFirst: boolean;
    };

export interface ListQuery {
  readonly filters: readonly Filter[];
  /** Records that compare equal, and all where this is empty, come in the order they were created. */
  readonly sort: readonly SortKey[];
  readonly window: ListWindow;
}

export interface RecordPage<T> {
  readonly records: readonly Stored<T>[];
  /** How many there are in all; only for a page by number. */
  readonly total: number | undefined;
  /** The cursor to go on from; undefined at the end, and for a page that is sorted otherwise. */
  readonly nextCursor: string | undefined;
}

/** Marks a creation, so that a retry of it is known for one (the `Idempotency-Key` draft of the IETF). */
export interface IdempotencyClaim {
  /** Unique to the caller, the route and the key that the caller chose. */
  readonly key: string;
  /** A hash of the body: the same key with another body is a mistake. */
  readonly fingerprint: string;
}

export interface InsertRequest<C extends CollectionName> {
  readonly collection: C;
  readonly value: Entities[C];
  readonly events: readonly OutboxEvent[];
  readonly idempotency: IdempotencyClaim | undefined;
  /** A record that must exist for this one to be stored. */
  readonly parent?: { readonly collection: CollectionName; readonly id: string } | undefined;
}

export interface InsertManyRequest<C extends CollectionName> {
  readonly collection: C;
  readonly values: readonly Entities[C][];
  readonly events: readonly OutboxEvent[];
  readonly idempotency: IdempotencyClaim | undefined;
}

/** `isReplay`: the key was used before with the same body; what was stored then is given again, as it was then. */
export interface Inserted<T> {
  readonly stored: Stored<T>;
  readonly isReplay: boolean;
}

export interface UpdateRequest<C extends CollectionName> {
  readonly collection: C;
  readonly value: Entities[C];
  readonly ifVersion: number;
  readonly events: readonly OutboxEvent[];
  /** Kept with the write like its events, and sent to the queue after it, at least once. */
  readonly jobs?: readonly QueuedJob[];
}

export interface RemoveRequest {
  readonly collection: CollectionName;
  readonly id: string;
  readonly ifVersion: number;
  readonly events: readonly OutboxEvent[];
}

/** `conflict`: somebody else wrote it meanwhile. */
export type UpdateOutcome = "done" | "conflict" | "missing";

export interface PlaceOrderRequest {
  readonly orderId: string;
  readonly userId: string;
  readonly items: readonly OrderItemInput[];
  readonly nowMs: number;
  readonly idempotency: IdempotencyClaim | undefined;
}

export interface ParentsQuery {
  /** The field that holds the parent's id. It comes from our own code, never from a client. */
  readonly field: string;
  readonly parentIds: readonly string[];
  /** Records for each parent. */
  readonly limit: number;
}

export interface FileInfo {
  readonly contentType: string;
  readonly sizeBytes: number;
  /** In lower-case hexadecimal. */
  readonly sha256: string;
  /** RFC 3339, in UTC. */
  readonly savedAt: string;
}

export interface StoredFile {
  readonly info: FileInfo;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface SaveFileRequest extends StoredFile {
  readonly name: string;
  readonly events: readonly OutboxEvent[];
}
