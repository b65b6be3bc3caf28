import type { Limits } from "./limits.ts";

/** What CONTRACT §2 promises, whatever the operator sets. */
const MAX_HEARTBEAT_SECONDS = 15;

/** Heartbeats that a reader may leave untaken before it is given up; with 10 s between them, half a minute. */
export const MAX_MISSED_HEARTBEATS = 3;

/** The time between two signs of life on a stream. */
export function heartbeatMsOf(limits: Limits): number {
  return Math.min(limits.HEARTBEAT_SECONDS, MAX_HEARTBEAT_SECONDS) * 1000;
}
