import type { CollectionName, Entities } from "../core/entities/collections.ts";
import type { Limits } from "../core/limits.ts";
import { emailTaken, formatPosition, keyReused, parentMissing } from "../core/record-rules.ts";
import type {
  Inserted,
  InsertManyRequest,
  InsertRequest,
  ListQuery,
  ParentsQuery,
  RecordPage,
  Records,
  RemoveRequest,
  Stored,
  UpdateOutcome,
  UpdateRequest,
} from "../core/records.ts";
import type { RedisClient, Reply } from "./redis-client.ts";
import { KEY_PREFIX, toList, toText } from "./redis-client.ts";
import { RedisFiles } from "./redis-files.ts";
import { toListPlan, toParentEntry } from "./redis-index.ts";
import { BY_PARENTS_SCRIPT, GET_MANY_SCRIPT, LIST_SCRIPT } from "./redis-list-script.ts";
import { RedisOrders } from "./redis-orders.ts";
import type { OutboxPorts } from "./redis-outbox.ts";
import { RedisOutbox } from "./redis-outbox.ts";
import { insertStep, RedisWriter, removeStep, updateStep } from "./redis-write.ts";

/** Records in one answer, in bytes: the next that is larger than what is left of it is asked for by itself. */
const ANSWER_BYTES = "600000";

type Scripted = (...args: readonly string[]) => Promise<Reply>;

/** The resources in Redis, and what is to be called by a clock: see `rescue` of the outbox. */
export interface RedisRecords {
  readonly records: Records;
  /** Carries what a crash left behind. For a cron trigger. Never rejects. */
  rescue(): Promise<void>;
}

/** The resources, in Upstash Redis: the second implementation of the port. What it costs is in redis-records.md. */
export function createRedisRecords(redis: RedisClient, ports: OutboxPorts, limits: Limits): RedisRecords {
  const outbox = new RedisOutbox(redis, ports);
  const client = withLook(redis, outbox);
  const writer = new RedisWriter(client, outbox);
  const reader = new RedisReader(client);
  const files = new RedisFiles(client, writer);
  const orders = new RedisOrders(client, writer, limits);
  const records: Records = {
    store: "upstash-redis",
    get: (collection, id) => reader.get(collection, id),
    getMany: (collection, ids) => reader.getMany(collection, ids),
    list: (collection, query) => reader.list(collection, query),
    listByParents: (collection, query) => reader.listByParents(collection, query),
    insert: (request) => insert(writer, request),
    insertMany: (request) => insertMany(writer, request),
    update: (request) => update(writer, request),
    remove: (request) => remove(writer, request),
    placeOrder: (request) => orders.place(request),
    saveFile: (request) => files.save(request),
    getFile: (name) => files.get(name),
    describeFiles: (names) => files.describe(names),
    orderOwner: async (orderId) => (await reader.get("orders", orderId))?.value.userId,
  };
  return { records, rescue: () => outbox.rescue() };
}

/** The first thing that an isolate asks makes it look after what a crash left behind. */
function withLook(redis: RedisClient, outbox: RedisOutbox): RedisClient {
  return {
    command(...words) {
      outbox.lookOnce();
      return redis.command(...words);
    },
    script(text) {
      const run = redis.script(text);
      return (...args) => {
        outbox.lookOnce();
        return run(...args);
      };
    },
  };
}

async function insert<C extends CollectionName>(
  writer: RedisWriter,
  { collection, value, events, idempotency, parent }: InsertRequest<C>,
): Promise<Inserted<Entities[C]>> {
  const more = { events, idempotency, keepsBody: true, parent };
  const { status, rest } = await writer.write([insertStep(collection, value)], more);
  if (status === "ok") return { stored: { version: 1, value: copyOf(value) }, isReplay: false };
  if (status !== "replay") throw toError(status, parent?.collection ?? collection);
  return { stored: { version: 1, value: JSON.parse(toText(rest[0])) as Entities[C] }, isReplay: true };
}

async function insertMany<C extends CollectionName>(
  writer: RedisWriter,
  { collection, values, events, idempotency }: InsertManyRequest<C>,
): Promise<"done" | "replay"> {
  const steps = values.map((value) => insertStep(collection, value));
  const { status } = await writer.write(steps, { events, idempotency });
  if (status === "ok") return "done";
  if (status === "replay") return "replay";
  throw toError(status, collection);
}

async function update<C extends CollectionName>(
  writer: RedisWriter,
  { collection, value, ifVersion, events, jobs }: UpdateRequest<C>,
): Promise<UpdateOutcome> {
  const { status } = await writer.write([updateStep(collection, value, ifVersion)], { events, jobs });
  return toOutcome(status, collection);
}

async function remove(writer: RedisWriter, request: RemoveRequest): Promise<UpdateOutcome> {
  const { collection, id, ifVersion, events } = request;
  const { status } = await writer.write([removeStep(collection, id, ifVersion)], { events });
  return toOutcome(status, collection);
}

function toOutcome(status: string, collection: CollectionName): UpdateOutcome {
  if (status === "ok") return "done";
  if (status === "conflict" || status === "missing") return status;
  throw toError(status, collection);
}

function toError(status: string, collection: CollectionName): Error {
  if (status === "taken") return emailTaken();
  if (status === "mismatch") return keyReused();
  if (status === "orphan") return parentMissing(collection);
  return new Error(`redis: a write to ${collection}: ${status}`);
}

/** What was stored, as it would be read: without what JSON does not know. */
function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

class RedisReader {
  readonly #redis: RedisClient;
  readonly #getMany: Scripted;
  readonly #list: Scripted;
  readonly #byParents: Scripted;

  constructor(redis: RedisClient) {
    this.#redis = redis;
    this.#getMany = redis.script(GET_MANY_SCRIPT);
    this.#list = redis.script(LIST_SCRIPT);
    this.#byParents = redis.script(BY_PARENTS_SCRIPT);
  }

  async get<C extends CollectionName>(collection: C, id: string): Promise<Stored<Entities[C]> | undefined> {
    const row = toList(await this.#redis.command("HMGET", `${KEY_PREFIX}:r:${collection}:${id}`, "v", "b"));
    const [version, body] = row;
    return typeof body === "string" ? toStored(version, body) : undefined;
  }

  async getMany<C extends CollectionName>(
    collection: C,
    ids: readonly string[],
  ): Promise<readonly (Stored<Entities[C]> | undefined)[]> {
    if (ids.length === 0) return [];
    return this.#complete(collection, toList(await this.#getMany(collection, ANSWER_BYTES, ...ids)));
  }

  async list<C extends CollectionName>(collection: C, query: ListQuery): Promise<RecordPage<Entities[C]>> {
    const plan = toListPlan(collection, query);
    const [total, last, hasMore, ...rows] = toList(await this.#list(JSON.stringify(plan), ANSWER_BYTES));
    const records = await this.#complete<C>(collection, rows);
    return {
      records: records.filter((stored) => stored !== undefined),
      total: plan.kind === "page" ? Number(total) : undefined,
      nextCursor: hasMore === 1 ? formatPosition(Number(last), plan.isNewestFirst) : undefined,
    };
  }

  async listByParents<C extends CollectionName>(
    collection: C,
    { field, parentIds, limit }: ParentsQuery,
  ): Promise<readonly (readonly Stored<Entities[C]>[])[]> {
    if (parentIds.length === 0) return [];
    const entries = parentIds.map((id) => toParentEntry(collection, field, id));
    const lists = toList(await this.#byParents(collection, ANSWER_BYTES, String(limit), ...entries));
    const complete = await Promise.all(lists.map((rows) => this.#complete<C>(collection, toList(rows))));
    return complete.map((records) => records.filter((stored) => stored !== undefined));
  }

  /** Reads version and body of each record, and asks for those that did not fit into the answer. */
  async #complete<C extends CollectionName>(
    collection: C,
    rows: readonly Reply[],
  ): Promise<readonly (Stored<Entities[C]> | undefined)[]> {
    const records: (Stored<Entities[C]> | undefined)[] = [];
    const later: string[] = [];
    for (let n = 0; n < rows.length; n += 2) {
      const [version, body] = [rows[n], toText(rows[n + 1])];
      if (version === "later") later.push(body);
      else records.push(version === "none" ? undefined : toStored(version, body));
    }
    // What is left out is always the end of the list.
    return later.length === 0 ? records : [...records, ...(await this.getMany(collection, later))];
  }
}

/** What was stored was validated on its way in, so its type is known. */
function toStored<T>(version: Reply | undefined, body: string): Stored<T> {
  return { version: Number(version), value: JSON.parse(body) as T };
}
