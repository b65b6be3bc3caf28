import { DurableObject } from "cloudflare:workers";
import type { CollectionName } from "../core/entities/collections.ts";
import type { Order } from "../core/entities/order.ts";
import type { StuckLetter } from "../core/outbox.ts";
import { DRAIN_WAIT_MS, RESCUE_MS } from "../core/outbox-rules.ts";
import type { EncodedEvent } from "../core/ports.ts";
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
import type { Failure, Result } from "../core/result.ts";
import { attempt } from "../core/result.ts";
import { parseSettings } from "../core/settings.ts";
import { decodeOutcomes, encodeAppends, encodeRecordPage, encodeRecordText } from "../wire/rpc-text.ts";
import type { Channel } from "./channel.ts";
import { DeadLetters } from "./records-dead-letters.ts";
import { FileStore } from "./records-files.ts";
import type { SendJob } from "./records-job-outbox.ts";
import { JobOutbox } from "./records-job-outbox.ts";
import { migrate } from "./records-migrations.ts";
import { nextAlarmMs, Outbox } from "./records-outbox.ts";
import type { InsertedText, StoredText } from "./records-store.ts";
import { RecordStore } from "./records-store.ts";

export interface RecordsEnv {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
}

/**
 * The resources (CONTRACT §3), in one object. Rules are in `core`, SQL is in `records-store.ts`, events leave by
 * `records-outbox.ts` and jobs by `records-job-outbox.ts`; this shell holds the clock and the alarm.
 */
export class Records extends DurableObject<RecordsEnv> {
  readonly #store: RecordStore;
  readonly #files: FileStore;
  readonly #outbox: Outbox;
  readonly #jobs: JobOutbox;
  readonly #deadLetters: DeadLetters;
  #alarmMs: number | undefined;

  constructor(context: DurableObjectState, env: RecordsEnv, sendJob: SendJob) {
    super(context, env);
    migrate(context.storage);
    const { limits } = parseSettings(env as unknown as Record<string, unknown>);
    this.#store = new RecordStore(context.storage, limits);
    this.#files = new FileStore(context.storage);
    this.#deadLetters = new DeadLetters(context.storage);
    const appender = {
      append: async (channel: string, events: readonly EncodedEvent[]) => {
        const text = encodeAppends([{ events, rateKey: undefined }]);
        const [outcome = ""] = decodeOutcomes<Failure>(await env.CHANNEL.getByName(channel).append(text));
        return outcome;
      },
    };
    this.#outbox = new Outbox(context.storage.sql, appender, this.#deadLetters);
    this.#jobs = new JobOutbox(context.storage.sql, sendJob, this.#deadLetters);
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

  /** A page as text (`wire/rpc-text.ts`), or why there is none. */
  list(collection: CollectionName, query: ListQuery): string | Failure {
    const outcome = attempt(() => this.#store.list(collection, query));
    return outcome.ok ? encodeRecordPage(outcome.value) : outcome;
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
      () => this.#store.update(request, Date.now()),
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

  listStuck(position: number, limit: number): StuckLetter[] {
    return this.#deadLetters.list(position, limit);
  }

  getStuck(position: number): StuckLetter | undefined {
    return this.#deadLetters.get(position);
  }

  /** Puts a dead letter back into its outbox. False where there is none. */
  async retryStuck(position: number): Promise<boolean> {
    const letter = this.#deadLetters.retry(position, Date.now());
    if (letter === undefined) return false;
    await this.#write(
      () => null,
      () => (letter.channel === undefined ? [] : [letter.channel]),
    );
    return true;
  }

  deleteStuck(position: number): boolean {
    return this.#deadLetters.delete(position);
  }

  /** Sends what a crash, an unreachable channel or a queue that was down left behind; forgets old idempotency keys. */
  override async alarm(): Promise<void> {
    this.#alarmMs = undefined;
    // Neither waits for the other: a queue that does not answer holds up no event, since the next alarm comes in any case.
    const jobs = Promise.race([this.#jobs.drain(), scheduler.wait(DRAIN_WAIT_MS)]);
    await Promise.all([this.#outbox.drainAll(), jobs]);
    const nowMs = Date.now();
    const oldestKeyMs = this.#store.expireKeys(nowMs);
    const keyExpiryMs = oldestKeyMs === undefined ? undefined : oldestKeyMs + IDEMPOTENCY_WINDOW_MS;
    const alarmMs = nextAlarmMs({
      nowMs,
      leastAttempts: this.#outbox.leastAttempts(),
      nextJobMs: this.#jobs.nextRetryMs(),
      keyExpiryMs,
    });
    if (alarmMs !== undefined) this.#setAlarm(alarmMs);
  }

  /** Writes, sees to it that the alarm comes whatever happens next, and sends the events; jobs are sent meanwhile. */
  async #write<T>(run: () => T, channelsOf: (value: T) => readonly string[]): Promise<Result<T>> {
    const outcome = attempt(run);
    if (!outcome.ok) return outcome;
    // Nothing was awaited since the transaction, so the alarm is committed together with it.
    this.#setAlarm(Date.now() + RESCUE_MS);
    // Nobody waits for a job to be sent; where it cannot be, the alarm tries again.
    void this.#jobs.drain();
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

/**
 * The class as the platform makes it. Jobs go to the queue, which is a service, and a Durable Object knows no service:
 * `worker.ts` puts them together.
 */
export function createRecordsClass<Env extends RecordsEnv>(toSendJob: (env: Env) => SendJob) {
  return class extends Records {
    constructor(context: DurableObjectState, env: Env) {
      super(context, env, toSendJob(env));
    }
  };
}
