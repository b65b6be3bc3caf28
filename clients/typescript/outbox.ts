import { backoffMs, delay } from "./backoff.ts";
import { EverywireError } from "./error.ts";
import type { NewEvent, Published } from "./event.ts";
import { createId } from "./id.ts";
import type { Timing } from "./options.ts";

/** Sends events; resolves with one answer for each, in order. All of them are taken, or none. */
export type Send = (channel: string, events: readonly NewEvent[]) => Promise<readonly Published[]>;

export interface OutboxOptions {
  /** By a request of its own: however many there are. */
  readonly post: Send;
  /** Over a connection that is open anyway, one at a time; undefined where there is none. */
  readonly connectionTo: (channel: string) => ((event: NewEvent) => Promise<Published>) | undefined;
  readonly timing: Timing;
  readonly maxQueued: number;
}

interface Entry {
  readonly event: NewEvent & { readonly id: string };
  readonly bytes: number;
  resolve(published: Published): void;
  reject(error: EverywireError): void;
  /** How often the server failed on it; a fault that stays must not hold up what is behind it for ever. */
  faults: number;
}

const MAX_BATCH_EVENTS = 100;
/** Half of what a request may have, since the server adds attributes of its own. */
const MAX_BATCH_BYTES = 512 * 1024;
const MAX_FAULTS = 5;

/**
 * Publishes, in the order of calls for each channel. One request is under way for a channel at a time, so that what has
 * to be sent again cannot be overtaken; what is called meanwhile goes together in the next one. What was not answered is
 * sent again under its id, which is stored once.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #lanes = new Map<string, Entry[]>();
  readonly #closed = new AbortController();
  /** Ends the waits between tries. */
  #hurry = new AbortController();
  #queued = 0;
  published = 0;
  resent = 0;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  get queued(): number {
    return this.#queued;
  }

  /** @throws EverywireError what is refused for good; `unavailable` where there is no room, or it was closed */
  publish(channel: string, event: NewEvent): Promise<Published> {
    if (this.#closed.signal.aborted) return Promise.reject(closed());
    if (this.#queued >= this.#options.maxQueued) {
      const message = `${this.#queued} publishes wait for the server already.`;
      return Promise.reject(new EverywireError("unavailable", message));
    }
    const named = { ...event, id: event.id ?? createId() };
    return new Promise((resolve, reject) => {
      const bytes = JSON.stringify(named).length;
      this.#queued += 1;
      const entry: Entry = { event: named, bytes, resolve, reject, faults: 0 };
      const lane = this.#lanes.get(channel);
      if (lane !== undefined) {
        lane.push(entry);
        return;
      }
      const opened = [entry];
      this.#lanes.set(channel, opened);
      void this.#run(channel, opened);
    });
  }

  /** The network is back, perhaps: what waits for its time tries now. */
  hurry(): void {
    this.#hurry.abort();
    this.#hurry = new AbortController();
  }

  /** Refuses what was not acknowledged. */
  close(): void {
    this.#closed.abort();
    this.#hurry.abort();
    for (const lane of this.#lanes.values()) for (const { reject } of lane.splice(0)) reject(closed());
    this.#lanes.clear();
    this.#queued = 0;
  }

  async #run(channel: string, lane: Entry[]): Promise<void> {
    // What is called in the same turn goes together.
    await Promise.resolve();
    let failures = 0;
    // After a batch was refused: its events go one by one, so that only what is wrong is refused.
    let singles = 0;
    while (lane.length > 0 && !this.#closed.signal.aborted) {
      const batch = lane.slice(0, singles > 0 ? 1 : countBatch(lane));
      try {
        const published = await this.#send(channel, batch, failures > 0);
        if (this.#closed.signal.aborted) return;
        lane.splice(0, batch.length);
        this.#queued -= batch.length;
        this.published += batch.length;
        singles = Math.max(0, singles - 1);
        failures = 0;
        for (const [index, entry] of batch.entries()) entry.resolve(published[index] as Published);
      } catch (thrown) {
        if (this.#closed.signal.aborted) return;
        const error = EverywireError.from(thrown);
        if (isWorthRepeating(error, batch)) {
          this.resent += batch.length;
          await this.#wait(error, failures);
          failures += 1;
        } else if (batch.length > 1) {
          singles = batch.length;
        } else {
          lane.splice(0, 1);
          this.#queued -= 1;
          singles = Math.max(0, singles - 1);
          batch[0]?.reject(error);
        }
      }
    }
    this.#lanes.delete(channel);
  }

  #send(channel: string, batch: readonly Entry[], isRepeat: boolean): Promise<readonly Published[]> {
    const [first] = batch;
    // The plain way for what has failed on the other.
    const connection = isRepeat ? undefined : this.#options.connectionTo(channel);
    if (batch.length > 1 || first === undefined || connection === undefined) {
      const events = batch.map(({ event }) => event);
      return this.#options.post(channel, events);
    }
    return connection(first.event).then(
      (published) => [published],
      (thrown: EverywireError) => {
        // By a request a token can be renewed.
        if (thrown.code !== "unauthenticated") throw thrown;
        return this.#options.post(channel, [first.event]);
      },
    );
  }

  #wait(error: EverywireError, failures: number): Promise<void> {
    const { backoffMs: baseMs, maxBackoffMs } = this.#options.timing;
    return delay(error.retryAfterMs ?? backoffMs(failures, baseMs, maxBackoffMs), this.#hurry.signal);
  }
}

function isWorthRepeating(error: EverywireError, batch: readonly Entry[]): boolean {
  if (!error.isTransient) return false;
  const [first] = batch;
  if (error.code !== "internal" || first === undefined) return true;
  first.faults += 1;
  return first.faults < MAX_FAULTS;
}

function countBatch(lane: readonly Entry[]): number {
  let bytes = 0;
  let count = 0;
  for (const entry of lane) {
    bytes += entry.bytes;
    if (count === MAX_BATCH_EVENTS || (count > 0 && bytes > MAX_BATCH_BYTES)) break;
    count += 1;
  }
  return count;
}

function closed(): EverywireError {
  return new EverywireError("unavailable", "The client was closed before the publish was acknowledged.");
}
