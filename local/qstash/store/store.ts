import type { Env } from "../env.ts";
import { DeadLetterStore } from "./dead-letter-store.ts";
import { DeduplicationStore } from "./deduplication-store.ts";
import { EventStore } from "./event-store.ts";
import { FlowControlStore } from "./flow-control-store.ts";
import { MessageStore } from "./message-store.ts";
import { QueueStore } from "./queue-store.ts";
import { ScheduleStore } from "./schedule-store.ts";
import { createSchema } from "./schema.ts";
import { SigningKeyStore } from "./signing-key-store.ts";
import { UrlGroupStore } from "./url-group-store.ts";

/** Everything that is kept, in the SQLite of one Durable Object. */
export class Store {
  readonly messages: MessageStore;
  readonly deadLetters: DeadLetterStore;
  readonly events: EventStore;
  readonly deduplications: DeduplicationStore;
  readonly queues: QueueStore;
  readonly urlGroups: UrlGroupStore;
  readonly schedules: ScheduleStore;
  readonly flowControls: FlowControlStore;
  readonly signingKeys: SigningKeyStore;
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage, env: Env) {
    const { sql } = storage;
    this.#storage = storage;
    createSchema(sql);
    this.messages = new MessageStore(sql);
    this.deadLetters = new DeadLetterStore(sql);
    this.events = new EventStore(sql);
    this.deduplications = new DeduplicationStore(sql);
    this.queues = new QueueStore(sql);
    this.urlGroups = new UrlGroupStore(sql);
    this.schedules = new ScheduleStore(sql);
    this.flowControls = new FlowControlStore(sql);
    this.signingKeys = new SigningKeyStore(sql, env);
  }

  /** All of it, or where it throws none of it. */
  transaction<T>(write: () => T): T {
    return this.#storage.transactionSync(write);
  }
}
