import type { LogState } from "../core/log-state.ts";

export type { LogState, ProducerRecord, Start } from "../core/log-state.ts";
export { cursorAt, decideProducer, firstByCount, resolveStart, UNBORN } from "../core/log-state.ts";

/**
 * The decisions of a channel, as functions of what it knows: no clock, no storage, no sockets. The shell in
 * `channel.ts` asks, and does what they say. Those that a log in another store has to make too are in
 * `core/log-state.ts`.
 */

/**
 * Whether rows that readers no longer see should be deleted now. Deleting in runs of a hundredth of what is kept (and
 * at least 64) makes the cost of retention a small part of each append.
 */
export function isSweepDue(state: LogState, oldestRow: number, maxEvents: number): boolean {
  return state.first - oldestRow >= Math.max(64, Math.floor(maxEvents / 100));
}

/** What the one alarm of a channel has to do, and when; undefined where there is nothing to do. */
export function nextAlarmMs(
  due: {
    readonly isRegistered: boolean;
    readonly registerAttempts: number;
    /** When the oldest event was stored; undefined where nothing is kept. */
    readonly oldestMs: number | undefined;
    /** When the oldest dedupe record outside of the log was made; undefined where there is none. */
    readonly oldestDedupeMs: number | undefined;
    /** When the stream ends by itself; undefined where it does not. */
    readonly streamEndsAtMs: number | undefined;
    /** Whether another channel has still to be told that this one is no fork of it. */
    readonly hasReleases: boolean;
    /** When durable subscribers have to be told what they do not know; undefined where they know everything. */
    readonly subscribersDueMs: number | undefined;
    /** The same for relays. */
    readonly relaysDueMs: number | undefined;
  },
  kept: { readonly maxAgeMs: number; readonly dedupeMs: number },
  nowMs: number,
): number | undefined {
  const times: number[] = [];
  if (!due.isRegistered || due.hasReleases) {
    times.push(nowMs + Math.min(60_000, 500 * 2 ** Math.min(due.registerAttempts, 7)));
  }
  if (due.oldestMs !== undefined) times.push(due.oldestMs + kept.maxAgeMs);
  if (due.oldestDedupeMs !== undefined) times.push(due.oldestDedupeMs + kept.dedupeMs);
  if (due.subscribersDueMs !== undefined) times.push(due.subscribersDueMs);
  if (due.relaysDueMs !== undefined) times.push(due.relaysDueMs);
  if (due.streamEndsAtMs !== undefined) times.push(due.streamEndsAtMs);
  // Never sooner than in half a second: an alarm in the past would run in a tight loop.
  return times.length === 0 ? undefined : Math.max(Math.min(...times), nowMs + 500);
}
