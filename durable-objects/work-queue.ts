import { DurableObject } from "cloudflare:workers";
import type { ChannelName } from "../core/channel-name.ts";
import type { After } from "../core/cursor.ts";
import { EARLIEST } from "../core/cursor.ts";
import { createId } from "../core/ids.ts";
import type { Gap } from "../core/log-entry.ts";
import type { Result } from "../core/result.ts";
import { attemptAsync, unwrap } from "../core/result.ts";
import { parseSettings } from "../core/settings.ts";
import type {
  GroupDeadLetter,
  GroupStatus,
  LeasedMessage,
  LeasedMessages,
  LeaseRequest,
  SettledLeases,
} from "../core/work-queue.ts";
import type { Channel } from "./channel.ts";
import { WorkQueueStore } from "./work-queue-store.ts";

export interface WorkQueueEnv {
  readonly CHANNEL: DurableObjectNamespace<Channel>;
}

const WATCH_AGAIN_MS = 1000;

/**
 * One consumer group of one channel: its place in the log, and what is leased to whom (see `core/work-queue.ts`). State is
 * in `work-queue-store.ts`; this shell reads the channel and holds the clock.
 *
 * There is no alarm: a lease that is over its time matters when somebody asks for work, and is looked at then.
 */
export class WorkQueue extends DurableObject<WorkQueueEnv> {
  readonly #limits;
  readonly #store: WorkQueueStore;
  /** Reads of the channel, one after the other: each begins where the one before it ended. */
  #reading: Promise<unknown> = Promise.resolve();
  /** Consumers who wait for work. */
  readonly #sleepers = new Set<() => void>();
  #isWatching = false;

  constructor(context: DurableObjectState, env: WorkQueueEnv) {
    super(context, env);
    this.#limits = parseSettings(env as unknown as Record<string, unknown>).limits;
    this.#store = new WorkQueueStore(context.storage, this.#limits.MAX_LEASE_ATTEMPTS);
  }

  /** Messages for one consumer: at once where there are some, and otherwise the first that come within `waitMs`. */
  lease(channel: ChannelName, request: LeaseRequest): Promise<Result<LeasedMessages>> {
    return attemptAsync(async () => {
      const deadlineMs = Date.now() + request.waitMs;
      for (;;) {
        const leased = await this.#leaseNow(channel, request);
        if (leased.messages.length > 0 || leased.gap !== undefined || Date.now() >= deadlineMs) return leased;
        await this.#sleep(channel, deadlineMs);
      }
    });
  }

  ack(leaseIds: readonly string[]): SettledLeases {
    return this.#store.ack(leaseIds, Date.now());
  }

  nack(leaseIds: readonly string[], delayMs: number): SettledLeases {
    const settled = this.#store.nack(leaseIds, delayMs, Date.now());
    this.#wakeAll();
    return settled;
  }

  extend(leaseIds: readonly string[], visibilityMs: number): SettledLeases {
    return this.#store.extend(leaseIds, visibilityMs, Date.now());
  }

  describe(): GroupStatus {
    this.#expire();
    return this.#store.describe();
  }

  listDead(after: string, limit: number): GroupDeadLetter[] {
    this.#expire();
    return this.#store.listDead(after, limit);
  }

  getDead(sequence: string): GroupDeadLetter | undefined {
    this.#expire();
    return this.#store.getDead(sequence);
  }

  retryDead(sequence: string): boolean {
    const wasThere = this.#store.retryDead(sequence, Date.now());
    this.#wakeAll();
    return wasThere;
  }

  deleteDead(sequence: string): boolean {
    return this.#store.deleteDead(sequence);
  }

  /** How many more messages may be handed out before some are settled. */
  get #room(): number {
    return this.#limits.MAX_UNSETTLED_MESSAGES - this.#store.unsettled;
  }

  #expire(): void {
    this.#store.expire(Date.now(), this.#limits.RETENTION_MAX_AGE_SECONDS * 1000);
  }

  async #leaseNow(channel: ChannelName, { max, visibilityMs }: LeaseRequest): Promise<LeasedMessages> {
    const newLease = () => ({ leaseId: createId("lse"), untilMs: Date.now() + visibilityMs });
    this.#expire();
    const again = this.#store.leaseAgain(max, Date.now(), newLease);
    if (again.length === max) return { messages: again, gap: undefined };
    const fresh = this.#reading.then(() => this.#leaseNew(channel, max - again.length, newLease));
    this.#reading = fresh.catch(() => undefined);
    if (again.length === 0) return fresh;
    // What is leased must reach its consumer, also where the channel cannot be read.
    const { messages, gap } = await fresh.catch(() => ({ messages: [], gap: undefined }));
    return { messages: [...again, ...messages], gap };
  }

  async #leaseNew(
    channel: ChannelName,
    max: number,
    newLease: () => { leaseId: string; untilMs: number },
  ): Promise<{ messages: LeasedMessage[]; gap: Gap | undefined }> {
    const limit = Math.min(max, this.#room, this.#limits.MAX_PAGE_EVENTS);
    if (limit <= 0) return { messages: [], gap: undefined };
    const before = this.#store.cursor ?? EARLIEST;
    const page = unwrap(await this.env.CHANNEL.getByName(channel).read({ after: before as After, limit }));
    if (page.events.length === 0 && page.gap === undefined) return { messages: [], gap: undefined };
    const from = page.gap?.resumedAt ?? before;
    return {
      messages: this.#store.leaseNew(page.events, { before: from, next: page.next }, newLease),
      gap: page.gap,
    };
  }

  /** Until there may be something, or the time is over. */
  async #sleep(channel: ChannelName, deadlineMs: number): Promise<void> {
    const nowMs = Date.now();
    // A lease that ends now may be looked at a moment too early: a little later it is over.
    const backMs = this.#store.nextTimeMs() ?? Number.POSITIVE_INFINITY;
    const untilMs = Math.min(deadlineMs, Math.max(backMs, nowMs + 5));
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      timer = setTimeout(wake, Math.max(0, untilMs - nowMs));
      this.#sleepers.add(wake);
      void this.#watch(channel, deadlineMs);
    });
  }

  /** One look at the channel for all who wait. */
  async #watch(channel: ChannelName, deadlineMs: number): Promise<void> {
    // A group that is full waits for its consumers, not for the channel.
    if (this.#isWatching || this.#room <= 0) return;
    this.#isWatching = true;
    try {
      const after = (this.#store.cursor ?? EARLIEST) as After;
      const timeoutMs = Math.max(1, Math.min(deadlineMs - Date.now(), this.#limits.MAX_POLL_SECONDS * 1000));
      const news = await this.env.CHANNEL.getByName(channel).wait({ after, limit: 1, timeoutMs });
      // A stream that is closed says so at once, and would again.
      if (!news.ok) await scheduler.wait(WATCH_AGAIN_MS);
    } catch (thrown) {
      console.error("work queue: the channel could not be watched", thrown);
      await scheduler.wait(WATCH_AGAIN_MS);
    } finally {
      this.#isWatching = false;
      this.#wakeAll();
    }
  }

  #wakeAll(): void {
    for (const wake of [...this.#sleepers]) wake();
  }
}
