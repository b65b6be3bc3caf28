import type { OperationContext } from "../context.ts";
import type { CollectionName, Entities } from "../entities/collections.ts";
import { EverywireError } from "../error.ts";
import type { QueuedJob } from "../queue.ts";
import type { OutboxEvent, Stored } from "../records.ts";

/** Whether a record at this version may be changed: `If-Match` on HTTP. */
export type Precondition = (version: number) => boolean;

/** Turns the record as it is into what the client wants of it: a full replacement, or a merge. */
export type Change<T, Input> = (current: T) => Input;

/** Several writers of one record take turns; who loses this often in a row is told to come back. */
const MAX_ATTEMPTS = 8;

export interface ChangeSteps<C extends CollectionName> {
  readonly precondition?: Precondition | undefined;
  /** @throws EverywireError where the caller may not change this record */
  authorise(current: Entities[C]): void;
  next(current: Entities[C]): Entities[C];
  events(next: Entities[C], current: Entities[C]): readonly OutboxEvent[];
  /** What is to be done after the write, by the queue. */
  jobs?(next: Entities[C], version: number): readonly QueuedJob[];
}

/**
 * Reads a record, decides, and writes it if nobody else did meanwhile, or decides again. What ends up the same as it
 * was is not written and has no event.
 *
 * @throws EverywireError `not_found`, `precondition_failed`, and what the steps throw
 */
export async function changeRecord<C extends CollectionName>(
  context: OperationContext,
  collection: C,
  id: string,
  steps: ChangeSteps<C>,
): Promise<Stored<Entities[C]>> {
  const { records } = context.ports;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const current = found(collection, id, await records.get(collection, id));
    steps.authorise(current.value);
    assertPrecondition(steps.precondition, current.version);
    const value = steps.next(current.value);
    if (isSame(value, current.value)) return current;
    const events = steps.events(value, current.value);
    const jobs = steps.jobs?.(value, current.version + 1) ?? [];
    const outcome = await records.update({ collection, value, ifVersion: current.version, events, jobs });
    if (outcome === "done") return { version: current.version + 1, value };
  }
  throw contended();
}

/** Removes a record, in the same way as {@link changeRecord} changes one. */
export async function removeRecord<C extends CollectionName>(
  context: OperationContext,
  collection: C,
  id: string,
  steps: Omit<ChangeSteps<C>, "next" | "events" | "jobs"> & {
    events(current: Entities[C]): readonly OutboxEvent[];
  },
): Promise<void> {
  const { records } = context.ports;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const current = found(collection, id, await records.get(collection, id));
    steps.authorise(current.value);
    assertPrecondition(steps.precondition, current.version);
    const events = steps.events(current.value);
    const outcome = await records.remove({ collection, id, ifVersion: current.version, events });
    if (outcome === "done") return;
  }
  throw contended();
}

/** @throws EverywireError `not_found` */
export function found<T>(collection: CollectionName, id: string, stored: Stored<T> | undefined): Stored<T> {
  if (stored !== undefined) return stored;
  throw new EverywireError("not_found", `There is no '${id.slice(0, 128)}' in ${collection}.`);
}

function assertPrecondition(precondition: Precondition | undefined, version: number): void {
  if (precondition === undefined || precondition(version)) return;
  throw new EverywireError("precondition_failed", "The resource has changed since you read it.");
}

/** Both come from the same steps, so that the order of their fields is the same too. */
function isSame(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function contended(): EverywireError {
  return new EverywireError("unavailable", "Many are writing this at once; try again.", {
    retryAfterMs: 1000,
  });
}
