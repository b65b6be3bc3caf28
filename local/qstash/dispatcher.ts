import { deliver } from "./delivery.ts";
import type { Env } from "./env.ts";
import { countStart, isOpen, reopensAtMs } from "./flow-control.ts";
import { InFlight } from "./in-flight.ts";
import type { Message } from "./message.ts";
import type { Scheduler } from "./scheduler.ts";
import { MAX_IN_FLIGHT, MAX_IN_FLIGHT_PER_HOST } from "./settings.ts";
import type { Settler } from "./settler.ts";
import type { Closed } from "./store/message-store.ts";
import type { Store } from "./store/store.ts";

/** How long one alarm stays with the deliveries under way before it hands them to the next. */
const SHIFT_MS = 5 * 60 * 1000;
/** When deliveries are taken up again where the runtime is killed during them. */
const GUARD_MS = 1_000;
const DUE_AT_ONCE = 64;
/** Between two looks for what is due: where much happens at once, one look is enough for all of it. */
const MIN_PAUSE_MS = 5;

interface Parts {
  readonly storage: DurableObjectStorage;
  readonly env: Env;
  readonly store: Store;
  readonly scheduler: Scheduler;
  readonly settler: Settler;
}

/**
 * Sends what is due. It runs inside of alarms: an object with an alarm under way is not evicted, and an alarm that did
 * not end is called again after a crash. No delivery waits for another but where a queue or a limit says so.
 */
export class Dispatcher {
  readonly #parts: Parts;
  readonly #inFlight = new InFlight();
  #isRunning = false;
  #isCalled = false;
  #wake: (() => void) | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    // They were under way when the object ended, and nobody knows how far they came. The alarm is still set.
    parts.store.messages.releaseAll();
  }

  get inFlight(): InFlight {
    return this.#inFlight;
  }

  /** Something may have come due: a message, a queue that goes on, a limit that was raised. */
  kick(): void {
    if (this.#isRunning) this.#wake?.();
    else if (!this.#isCalled) {
      // Once for all that come before it rings.
      this.#isCalled = true;
      void this.#parts.storage.setAlarm(Date.now());
    }
  }

  /** Called by the alarm. Ends when nothing is under way, and sets the alarm for what comes next. */
  async run(): Promise<void> {
    const { storage } = this.#parts;
    const endMs = Date.now() + SHIFT_MS;
    let lookedMs = Date.now();
    this.#isRunning = true;
    this.#isCalled = false;
    void storage.setAlarm(Date.now() + GUARD_MS);
    try {
      for (;;) {
        const nowMs = Date.now();
        lookedMs = nowMs;
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#parts.scheduler.fire(nowMs);
        this.#startDue(nowMs);
        if (this.#inFlight.size === 0 || nowMs >= endMs) return;
        await Promise.race([woken, sleep(Math.min(this.#nextMs(nowMs) ?? endMs, endMs) - nowMs)]);
        await sleep(nowMs + MIN_PAUSE_MS - Date.now());
      }
    } finally {
      this.#isRunning = false;
      this.#wake = undefined;
      // What came due since the last look was not seen by it, so it counts from there.
      const nextMs = this.#inFlight.size > 0 ? Date.now() : this.#nextMs(lookedMs);
      if (nextMs === undefined) void storage.deleteAlarm();
      else void storage.setAlarm(nextMs);
    }
  }

  #startDue(nowMs: number): void {
    for (const queue of this.#parts.store.queues.listOpen()) {
      const closed = this.#findClosed(nowMs);
      const front = this.#parts.store.messages.findDueInLane(queue.name, queue.parallelism, nowMs, closed);
      for (const message of front) this.#tryStart(message, nowMs);
    }
    for (let started = 1; started > 0; ) {
      const due = this.#parts.store.messages.findDue(nowMs, this.#findClosed(nowMs), DUE_AT_ONCE);
      started = due.filter((message) => this.#tryStart(message, nowMs)).length;
    }
  }

  #findClosed(nowMs: number): Closed {
    const flowKeys = this.#parts.store.flowControls
      .listWaitedFor()
      .filter((state) => !isOpen(state, this.#inFlight.countForKey(state.key), nowMs))
      .map(({ key }) => key);
    return { hosts: this.#inFlight.hostsFrom(MAX_IN_FLIGHT_PER_HOST), flowKeys };
  }

  /** @returns whether it was started: those before it in the same list may have used up a limit */
  #tryStart(message: Message, nowMs: number): boolean {
    const { store } = this.#parts;
    const { url, flowControl } = message.spec;
    if (this.#inFlight.size >= MAX_IN_FLIGHT) return false;
    if (this.#inFlight.countForHost(url) >= MAX_IN_FLIGHT_PER_HOST) return false;
    const flow = flowControl && store.flowControls.get(flowControl.key);
    if (flow !== undefined && !isOpen(flow, this.#inFlight.countForKey(flow.key), nowMs)) return false;
    store.transaction(() => {
      if (flow !== undefined) store.flowControls.put(countStart(flow, nowMs));
      store.messages.markActive(message.id);
      store.events.append("ACTIVE", message);
    });
    this.#inFlight.add(message);
    void this.#attempt(message);
    return true;
  }

  async #attempt(message: Message): Promise<void> {
    const { env, store, settler } = this.#parts;
    const { current } = store.signingKeys.read();
    const body = store.messages.readBody(message.id);
    try {
      settler.settle(message, body, await deliver(env, current, message, body));
    } finally {
      this.#inFlight.remove(message);
      this.kick();
    }
  }

  /** When there is something to do, if nothing happens before. */
  #nextMs(nowMs: number): number | undefined {
    const { store } = this.#parts;
    const times = [
      store.messages.nextDueMs(nowMs),
      store.schedules.nextMs(),
      ...store.flowControls.listWaitedFor().map((state) => reopensAtMs(state, nowMs)),
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, delayMs)));
}
