import type { CollectionName, Entities } from "../core/entities/collections.ts";
import { collectionRules } from "../core/entities/collections.ts";
import { RESCUE_MS } from "../core/outbox-rules.ts";
import type { QueuedJob } from "../core/queue.ts";
import { IDEMPOTENCY_WINDOW_MS } from "../core/record-rules.ts";
import type { IdempotencyClaim, OutboxEvent } from "../core/records.ts";
import type { RedisClient, Reply } from "./redis-client.ts";
import { toList, toText } from "./redis-client.ts";
import { toIndexEntries, toParentEntry } from "./redis-index.ts";
import type { Pushed, RedisOutbox } from "./redis-outbox.ts";
import { toLanes } from "./redis-outbox.ts";
import { WRITE_SCRIPT } from "./redis-write-script.ts";

/** One record that a write changes. `body` is sent beside it. */
export type WriteStep =
  | { readonly op: Readonly<Record<string, unknown>>; readonly body: string }
  | { readonly op: Readonly<Record<string, unknown>>; readonly body?: undefined };

/** What goes with the records of a write; each is left out where there is none. */
export interface WriteMore {
  readonly events: readonly OutboxEvent[];
  readonly jobs?: readonly QueuedJob[] | undefined;
  readonly idempotency?: IdempotencyClaim | undefined;
  /** Whether a replay needs the first record as it was. */
  readonly keepsBody?: boolean;
  readonly parent?: { readonly collection: CollectionName; readonly id: string } | undefined;
  readonly file?: Readonly<Record<string, unknown>>;
  readonly turn?: Readonly<Record<string, unknown>>;
}

/** What the script said, and what came with it. */
export interface WriteAnswer {
  readonly status: string;
  readonly rest: readonly Reply[];
}

export function insertStep<C extends CollectionName>(collection: C, value: Entities[C]): WriteStep {
  const index = JSON.stringify(toIndexEntries(collection, value));
  return { op: { kind: "insert", collection, id: value.id, index }, body: JSON.stringify(value) };
}

export function updateStep<C extends CollectionName>(
  collection: C,
  value: Entities[C],
  ifVersion: number,
): WriteStep {
  const index = JSON.stringify(toIndexEntries(collection, value));
  return { op: { kind: "update", collection, id: value.id, ifVersion, index }, body: JSON.stringify(value) };
}

export function removeStep(collection: CollectionName, id: string, ifVersion: number): WriteStep {
  const { dependents } = collectionRules(collection);
  const others =
    dependents === undefined
      ? {}
      : {
          dependents: {
            collection: dependents.collection,
            entry: toParentEntry(dependents.collection, dependents.field, id),
          },
        };
  return { op: { kind: "remove", collection, id, ifVersion, ...others } };
}

/** Runs the one script that writes, and sees to it that what it has to tell is carried. */
export class RedisWriter {
  readonly #outbox: RedisOutbox;
  readonly #write: (...args: readonly string[]) => Promise<Reply>;

  constructor(redis: RedisClient, outbox: RedisOutbox) {
    this.#outbox = outbox;
    this.#write = redis.script(WRITE_SCRIPT);
  }

  /** Resolves when it is stored, and its events have arrived or two seconds are over. */
  async write(steps: readonly WriteStep[], more: WriteMore): Promise<WriteAnswer> {
    const lanes = toLanes(more.events, more.jobs ?? []);
    const head = {
      ops: steps.map(({ op }) => op),
      lanes: lanes.map(({ lane, entries }) => ({ lane, count: entries.length })),
      dueMs: Date.now() + RESCUE_MS,
      claim: toClaim(more),
      parent: more.parent,
      file: more.file,
      turn: more.turn,
    };
    const bodies = steps.flatMap(({ body }) => (body === undefined ? [] : [body]));
    const entries = lanes.flatMap((lane) => lane.entries);
    const [status, ...rest] = toList(await this.#write(JSON.stringify(head), ...bodies, ...entries));
    if (status !== "ok") return { status: toText(status), rest };
    const [late, ...pushed] = rest;
    await this.#outbox.deliver(pushed.map(toPushed), lanes, Number(late) > 0);
    return { status: "ok", rest: [] };
  }
}

function toClaim({ idempotency, keepsBody = false }: WriteMore) {
  return idempotency && { ...idempotency, keepsBody, windowMs: IDEMPOTENCY_WINDOW_MS };
}

function toPushed(reply: Reply): Pushed {
  const [lane, last, before] = toList(reply);
  return { lane: toText(lane), last: Number(last), before: Number(before) };
}
