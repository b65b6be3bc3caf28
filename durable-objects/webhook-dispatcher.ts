import type { Page } from "../core/ports.ts";
import type { AttemptOutcome, Tries } from "../core/webhook-retry.ts";
import { NO_TRIES } from "../core/webhook-retry.ts";
import type { WebhookMessage } from "./webhook-deliveries.ts";
import type { WebhookLanes } from "./webhook-lanes.ts";
import type { Reading } from "./webhook-reading.ts";
import { toMessage, toReading } from "./webhook-reading.ts";

/** What becomes of an attempt, as the endpoint decided and wrote it down. */
export type Settlement =
  /** It is settled: what comes next on its channel may go. */
  { readonly kind: "settled" } | { readonly kind: "waiting"; readonly tries: Tries };

export interface DispatcherHost {
  readonly endpointId: string;
  readonly lanes: WebhookLanes;
  /** Events in one read. */
  readonly pageEvents: number;
  isEnabled(): boolean;
  wants(type: string): boolean;
  mayRead(channel: string): Promise<boolean>;
  read(channel: string, after: string, limit: number): Promise<Page>;
  send(message: WebhookMessage): Promise<AttemptOutcome>;
  /** The attempts so far. */
  tries(messageId: string): Tries;
  /** Writes down what became of an attempt, and where its channel stands when it is settled, in one transaction. */
  settle(
    message: WebhookMessage,
    outcome: AttemptOutcome,
    tries: Tries,
    place: { readonly cursor: string; readonly hasNews: boolean },
  ): Settlement;
  /** Notes that something was delivered whose channel stands elsewhere by now. */
  noteStray(message: WebhookMessage, outcome: AttemptOutcome, tries: Tries): void;
  /** Lets go of what the log says is still to come on a channel, where it no longer is. */
  forgetPending(channel: string): void;
  /** Sends what was asked for again, one at a time. Resolves with false where nothing is due. */
  sendReplay(nowMs: number): Promise<boolean>;
  nextReplayMs(): number | undefined;
  /** Sees to it that {@link WebhookDispatcher.pump} is called at this time, also when this object was lost meanwhile. */
  wakeAt(timeMs: number): void;
}

/** A channel that is being delivered, and what was changed about it meanwhile. */
interface Run {
  readonly channel: string;
  /** What is wanted is another by now: what was read is read again, from where the channel stands. */
  isStale: boolean;
  /** The channel stands elsewhere by now. */
  isMoved: boolean;
}

/** Channels that are delivered at the same time. The platform lets six connections wait for their answers. */
const MAX_LANES_AT_ONCE = 4;
/** Pages held for channels that wait for their next attempt; the others are read again. */
const MAX_READINGS = 16;
/** Waits up to this long are waited for in memory, with the alarm behind them. */
const MAX_TIMER_MS = 1000;
/** When the alarm looks after what was on its way as this object was lost. */
const RESCUE_MS = 3000;
/** How long a decision about what the owner may read holds. */
const RECHECK_MS = 60_000;
const MAX_FAULT_WAIT_MS = 60_000;

/**
 * Delivers what is in an endpoint's channels: those beside each other, the events of each one after the other, and the
 * next only when the one before is settled. What it knows is in SQLite; in memory it has only what can be read again.
 */
export class WebhookDispatcher {
  readonly #host: DispatcherHost;
  readonly #runs = new Map<string, Run>();
  readonly #readings = new Map<string, Reading>();
  /** Channels that had news since they were last read. */
  readonly #noted = new Set<string>();
  readonly #idle: (() => void)[] = [];
  #isReplaying = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStopped = false;
  #faults = 0;

  constructor(host: DispatcherHost) {
    this.#host = host;
  }

  onNews(channel: string): void {
    this.#noted.add(channel);
    this.pump();
  }

  /** Reads again what was read: other channels, types or rights apply from the next event on. */
  refresh(): void {
    for (const run of this.#runs.values()) run.isStale = true;
    this.#readings.clear();
    this.pump();
  }

  /** Goes on from where these channels stand now; what is on its way in them does not count for that. */
  moved(channels: Iterable<string>): void {
    for (const channel of channels) {
      this.#readings.delete(channel);
      const run = this.#runs.get(channel);
      if (run !== undefined) run.isMoved = true;
    }
    this.pump();
  }

  /** Starts nothing more. What is on its way comes to its end, and is not written down. */
  stop(): void {
    this.#isStopped = true;
    this.moved(this.#runs.keys());
  }

  /** Resolves when nothing is on its way, or about to be. */
  whenIdle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  get #isIdle(): boolean {
    return this.#runs.size === 0 && !this.#isReplaying && this.#timer === undefined;
  }

  /** Starts whatever is due, and sees to it that the rest is not forgotten. */
  pump(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#isStopped && this.#host.isEnabled()) {
      const nowMs = Date.now();
      let nextMs = Number.POSITIVE_INFINITY;
      for (const { channel, dueMs } of this.#host.lanes.waiting(MAX_LANES_AT_ONCE + this.#runs.size + 1)) {
        if (this.#runs.has(channel)) continue;
        if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
        else if (this.#runs.size < MAX_LANES_AT_ONCE) void this.#runLane(channel);
      }
      const replayMs = this.#isReplaying ? undefined : this.#host.nextReplayMs();
      if (replayMs !== undefined && replayMs <= nowMs) void this.#runReplay();
      else if (replayMs !== undefined) nextMs = Math.min(nextMs, replayMs);
      this.#schedule(nowMs, nextMs);
    }
    if (this.#isIdle) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #schedule(nowMs: number, nextMs: number): void {
    const isActive = this.#runs.size > 0 || this.#isReplaying;
    if (nextMs - nowMs <= MAX_TIMER_MS) this.#timer = setTimeout(() => this.pump(), nextMs - nowMs);
    // Never the moment of the timer: an alarm is a write, and the timer needs none.
    const dueMs = this.#timer === undefined ? nextMs : Number.POSITIVE_INFINITY;
    const rescueMs = isActive || this.#timer !== undefined ? nowMs + RESCUE_MS : Number.POSITIVE_INFINITY;
    const alarmMs = Math.min(dueMs, rescueMs);
    if (Number.isFinite(alarmMs)) this.#host.wakeAt(alarmMs);
  }

  async #runReplay(): Promise<void> {
    this.#isReplaying = true;
    try {
      await this.#host.sendReplay(Date.now());
    } catch (cause) {
      console.warn("A webhook was not sent again; it will be.", cause);
      await scheduler.wait(MAX_TIMER_MS);
    } finally {
      this.#isReplaying = false;
    }
    this.pump();
  }

  async #runLane(channel: string): Promise<void> {
    const run: Run = { channel, isStale: false, isMoved: false };
    this.#runs.set(channel, run);
    try {
      await this.#deliver(run);
      this.#faults = 0;
    } catch (cause) {
      if (this.#isStopped) return;
      // Ours, not the receiver's: a channel that could not be read, a policy that could not be asked.
      console.warn(`Webhooks of ${channel} wait: something here failed.`, cause);
      this.#readings.delete(channel);
      const waitMs = Math.min(MAX_FAULT_WAIT_MS, MAX_TIMER_MS * 2 ** Math.min(this.#faults, 6));
      this.#faults += 1;
      this.#host.lanes.postpone(channel, Date.now() + waitMs);
    } finally {
      this.#runs.delete(channel);
    }
    this.pump();
  }

  /** One page of a channel, so that channels with much to send take turns with the others. */
  async #deliver(run: Run): Promise<void> {
    const { channel } = run;
    const { lanes } = this.#host;
    const lane = lanes.get(channel);
    if (lane === undefined) return;
    let { isAllowed } = lane;
    if (Date.now() - lane.checkedMs > RECHECK_MS) {
      isAllowed = await this.#host.mayRead(channel);
      if (run.isStale || run.isMoved) return;
      lanes.setAllowed(channel, isAllowed, Date.now());
    }
    // Where the owner may not read, what comes is passed over, and never kept for later.
    const after = isAllowed ? lane.cursor : "latest";
    const reading = this.#readings.get(channel) ?? (await this.#read(channel, after));
    if (run.isStale || run.isMoved) return;
    if (isAllowed && !(await this.#sendAll(run, reading))) return;
    this.#readings.delete(channel);
    if (!isAllowed) this.#host.forgetPending(channel);
    if (!reading.isMoved) lanes.move(channel, reading.next, this.#hasNews(reading), Date.now());
  }

  async #read(channel: string, after: string): Promise<Reading> {
    // Before it is asked: what comes while the answer is on its way may not be in it.
    this.#noted.delete(channel);
    const page = await this.#host.read(channel, after, this.#host.pageEvents);
    return toReading(channel, page, (type) => this.#host.wants(type), Date.now());
  }

  /** False where it has to go on later. */
  async #sendAll(run: Run, reading: Reading): Promise<boolean> {
    const { channel, items } = reading;
    for (let item = items[reading.index]; item !== undefined; item = items[reading.index]) {
      if (run.isStale || run.isMoved || !this.#host.isEnabled()) return false;
      const message = await toMessage(this.#host.endpointId, channel, item);
      const before = reading.tries ?? this.#host.tries(message.id);
      const outcome = await this.#host.send(message);
      if (run.isMoved) {
        this.#host.noteStray(message, outcome, before);
        return false;
      }
      const isLast = !run.isStale && reading.index === items.length - 1;
      const place = isLast
        ? { cursor: reading.next, hasNews: this.#hasNews(reading) }
        : { cursor: item.cursor, hasNews: true };
      const settlement = this.#host.settle(message, outcome, before, place);
      if (settlement.kind === "waiting") {
        reading.tries = settlement.tries;
        if (run.isStale) this.#host.forgetPending(channel);
        else if (this.#readings.size < MAX_READINGS) this.#readings.set(channel, reading);
        return false;
      }
      reading.index += 1;
      // Only the first of a page can have been tried before.
      reading.tries = NO_TRIES;
      reading.isMoved = isLast;
    }
    return !run.isStale;
  }

  #hasNews(reading: Reading): boolean {
    return !reading.isUpToDate || this.#noted.has(reading.channel);
  }
}
