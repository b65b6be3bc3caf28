import { DurableObject } from "cloudflare:workers";
import type { CollectionName } from "../core/entities/collections.ts";
import type { Order } from "../core/entities/order.ts";
import { DRAIN_WAIT_MS, RESCUE_MS } from "../core/outbox-rules.ts";
import { IDEMPOTENCY_WINDOW_MS } from "../core/record-rules.ts";
import type {
  FileInfo,
  InsertManyRequest,
  InsertRequest,
  ListQuery,
  ParentsQuery,
  PlaceOrderRequest,
  RemoveRequest,
  SaveFileRequest,
  StoredFile,
  UpdateOutcome,
  UpdateRequest,
} from "../core/records.ts";
import type { Result } from "../core/result.ts";
import { attempt } from "../core/result.ts";
import { encodeRecordText } from "../wire/rpc-text.ts";
import type { Channel } from "./channel.ts";
import { FileStore } from "./records-files.ts";
import { migrate } from "./records-migrations.ts";
import { nextAlarmMs, Outbox } from "./records-outbox.ts";
import type { InsertedText, StoredText, TextPage } from "./records-store.ts";
import { RecordStore } from "./records-store.ts";

export interface RecordsEnv {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
}

/**
 * The resources (CONTRACT §3), in one object. Rules are in `core`, SQL is in `records-store.ts`, and events leave by
 * `records-outbox.ts`; this shell holds the clock and the alarm.
 */
export class Records extends DurableObject<RecordsEnv> {
  readonly #store: RecordStore;
  readonly #files: FileStore;
  readonly #outbox: Outbox;
  #alarmMs: number | undefined;

  constructor(context: DurableObjectState, env: RecordsEnv) {
    super(context, env);
    migrate(context.storage);
    this.#store = new RecordStore(context.storage);
    this.#files = new FileStore(context.storage);
    this.#outbox = new Outbox(context.storage.sql, {
      append: async (channel, events) =>
        env.CHANNEL.getByName(channel).append({ events, rateKey: undefined }),
    });
  }

  /** Says that the store can be asked. */
  ping(): boolean {
    return true;
  }

  /** A record as text (`wire/rpc-text.ts`). */
  get(collection: CollectionName, id: string): string | undefined {
    const stored = this.#store.get(collection, id);
    return stored === undefined ? undefined : encodeRecordText(stored);
  }

  getMany(collection: CollectionName, ids: readonly string[]): (StoredText | undefined)[] {
    return ids.map((id) => this.#store.get(collection, id));
  }

  list(collection: CollectionName, query: ListQuery): Result<TextPage> {
    return attempt(() => this.#store.list(collection, query));
  }

  listByParents(collection: CollectionName, query: ParentsQuery): StoredText[][] {
    return this.#store.listByParents(collection, query);
  }

  saveFile(request: SaveFileRequest): Promise<Result<null>> {
    return this.#write(
      () => this.#files.save(request),
      () => request.events.map((event) => event.channel),
    );
  }

  getFile(name: string): StoredFile | undefined {
    return this.#files.get(name);
  }

  describeFiles(names: readonly string[]): (FileInfo | undefined)[] {
    return names.map((name) => this.#files.describe(name));
  }

  insert(request: InsertRequest<CollectionName>): Promise<Result<InsertedText>> {
    return this.#write(
      () => this.#store.insert(request, Date.now()),
      () => request.events.map((event) => event.channel),
    );
  }

  insertMany(request: InsertManyRequest<CollectionName>): Promise<Result<"done" | "replay">> {
    return this.#write(
      () => this.#store.insertMany(request, Date.now()),
      () => request.events.map((event) => event.channel),
    );
  }

  update(request: UpdateRequest<CollectionName>): Promise<Result<UpdateOutcome>> {
    return this.#write(
      () => this.#store.update(request),
      () => request.events.map((event) => event.channel),
    );
  }

  remove(request: RemoveRequest): Promise<Result<UpdateOutcome>> {
    return this.#write(
      () => this.#store.remove(request),
      () => request.events.map((event) => event.channel),
    );
  }

  async placeOrder(request: PlaceOrderRequest): Promise<Result<InsertedText>> {
    return this.#write(
      () => this.#store.placeOrder(request),
      ({ channels }) => channels,
    );
  }

  orderOwner(orderId: string): string | undefined {
    const stored = this.#store.get("orders", orderId);
    return stored === undefined ? undefined : (JSON.parse(stored.body) as Order).userId;
  }

  /** Sends what a crash or an unreachable channel left behind, and forgets old idempotency keys. */
  override async alarm(): Promise<void> {
    this.#alarmMs = undefined;
    await this.#outbox.drainAll();
    const nowMs = Date.now();
    const oldestKeyMs = this.#store.expireKeys(nowMs);
    const keyExpiryMs = oldestKeyMs === undefined ? undefined : oldestKeyMs + IDEMPOTENCY_WINDOW_MS;
    const alarmMs = nextAlarmMs({ nowMs, leastAttempts: this.#outbox.leastAttempts(), keyExpiryMs });
    if (alarmMs !== undefined) this.#setAlarm(alarmMs);
  }

  /** Writes, sees to it that the alarm comes whatever happens next, and sends the events. */
  async #write<T>(run: () => T, channelsOf: (value: T) => readonly string[]): Promise<Result<T>> {
    const outcome = attempt(run);
    if (!outcome.ok) return outcome;
    // Nothing was awaited since the transaction, so the alarm is committed together with it.
    this.#setAlarm(Date.now() + RESCUE_MS);
    let timer: number | null = null;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, DRAIN_WAIT_MS);
    });
    await Promise.race([this.#outbox.drain(channelsOf(outcome.value)), deadline]);
    clearTimeout(timer);
    return outcome;
  }

  /** Keeps the earlier of two alarms: there is only one, and setting it is a write. */
  #setAlarm(alarmMs: number): void {
    if (this.#alarmMs !== undefined && this.#alarmMs <= alarmMs) return;
    this.#alarmMs = alarmMs;
    void this.ctx.storage.setAlarm(alarmMs);
  }
}
