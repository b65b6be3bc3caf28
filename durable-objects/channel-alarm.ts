import type { Limits } from "../core/limits.ts";
import type { ChannelLog } from "./channel-log.ts";
import type { ChannelRegistration } from "./channel-registration.ts";
import type { ChannelRelays } from "./channel-relays.ts";
import { nextAlarmMs } from "./channel-state.ts";
import type { ChannelStream } from "./channel-stream.ts";
import type { ChannelSubscribers } from "./channel-subscribers.ts";

/** What the time of the next alarm depends on. */
interface Sleepers {
  readonly log: ChannelLog;
  readonly stream: ChannelStream;
  readonly subscribers: ChannelSubscribers;
  readonly relays: ChannelRelays;
  readonly registration: ChannelRegistration;
}

/** A channel's one alarm, shared by all that has to happen later. */
export class ChannelAlarm {
  readonly #storage: DurableObjectStorage;
  readonly #limits: Limits;
  readonly #sleepers: Sleepers;
  #dueMs: number | undefined;

  constructor(storage: DurableObjectStorage, limits: Limits, sleepers: Sleepers) {
    this.#storage = storage;
    this.#limits = limits;
    this.#sleepers = sleepers;
  }

  /** Whether one is set that this object knows of: after an eviction it learns by setting it again. */
  get isSet(): boolean {
    return this.#dueMs !== undefined;
  }

  /** It rang. */
  onRing(): void {
    this.#dueMs = undefined;
  }

  /** Sets it where something is due earlier than it would ring. */
  schedule(nowMs: number): void {
    const { log, stream, subscribers, relays, registration } = this.#sleepers;
    const dueMs = nextAlarmMs(
      {
        isRegistered: log.isRegistered,
        registerAttempts: registration.attempts,
        oldestMs: log.oldestMs,
        oldestDedupeMs: log.oldestDedupeMs,
        streamEndsAtMs: stream.endsAtMs,
        hasReleases: stream.releases.length > 0,
        subscribersDueMs: subscribers.dueMs(nowMs),
        relaysDueMs: relays.dueMs(nowMs),
      },
      {
        maxAgeMs: this.#limits.RETENTION_MAX_AGE_SECONDS * 1000,
        dedupeMs: this.#limits.DEDUPE_WINDOW_SECONDS * 1000,
      },
      nowMs,
    );
    // One that comes too early finds nothing to do and is set anew: cheaper than to put it off with every append.
    if (dueMs === undefined || (this.#dueMs !== undefined && dueMs >= this.#dueMs)) return;
    this.#dueMs = dueMs;
    // Not awaited: it is part of the same write, and the output gate waits for it.
    void this.#storage.setAlarm(dueMs);
  }
}
