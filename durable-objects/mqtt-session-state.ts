import type { Identity } from "../core/identity.ts";
import type { MqttWill } from "../core/mqtt-session.ts";

/** What an MQTT session is, apart from its messages (MQTT 5 §4.1); plain data, kept as one value. */
export interface SessionState {
  readonly clientId: string;
  /** What events say of their publisher, where somebody asked for no messages of its own: it tells nothing of the client. */
  readonly publisherId: string;
  readonly identity: Identity;
  /** The version of its last connection: 3 and 4 are MQTT 3.1 and 3.1.1. */
  readonly version: number;
  /** Seconds that the session outlives its connection. */
  readonly expirySeconds: number;
  /** When the connection ended; undefined while there is one. */
  readonly endedMs: number | undefined;
  readonly will: MqttWill | undefined;
  /** What the client takes: messages at once, bytes in a packet, aliases. */
  readonly receiveMaximum: number;
  readonly maximumPacketBytes: number | undefined;
  readonly topicAliasMaximum: number;
  /** Whether reasons may be given in texts (MQTT 5 §3.1.2.11.7). */
  readonly wantsReasons: boolean;
  /** Whether the directory has still to be told what is subscribed to. */
  readonly isUntold: boolean;
}

/** `queued`: has no packet identifier yet. `sent`: waits for PUBACK or PUBREC. `released`: waits for PUBCOMP. */
export type OutboundPhase = "queued" | "sent" | "released";

/** One subscription of a session. */
export interface Subscription {
  /** As the client wrote it. */
  readonly text: string;
  readonly filter: string;
  readonly glob: string;
  readonly share: string | undefined;
  readonly qos: 0 | 1 | 2;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifier: number | undefined;
  /** Whether it asked to begin at a cursor: then it is told the cursor of every event. */
  readonly hasAfter: boolean;
}

/** A message for the client, as it waits or is on its way. */
export interface Delivery {
  readonly channel: string;
  readonly topic: string;
  /** The event. A copy, since the log may let go of it before the client has taken it. */
  readonly json: string;
  readonly isRetained: boolean;
  readonly identifiers: readonly number[];
  readonly wantsSequence: boolean;
  /** The shared subscription that it came by: it goes back there where the session ends. */
  readonly share?: string;
}

/** Seconds of MQTT 5's "never expires". */
const NEVER_SECONDS = 0xffff_ffff;

/** How long a session lives without a connection: what was asked for, and no longer than is allowed. */
export function toExpirySeconds(askedSeconds: number, maximumSeconds: number): number {
  return askedSeconds === NEVER_SECONDS ? maximumSeconds : Math.min(askedSeconds, maximumSeconds);
}

/**
 * How often a session with a will looks whether it still has its connection: a crash ends it without a word. A session
 * without a will notices that when it is told of something, or when its client comes back: an alarm for each connection
 * would cost more than the connection itself.
 */
const WILL_CHECK_MS = 20_000;

/** When the one alarm of a session has to look; undefined where there is no session. */
export function nextSessionAlarmMs(state: SessionState | undefined, nowMs: number): number | undefined {
  if (state === undefined) return undefined;
  if (state.endedMs === undefined) return state.will === undefined ? undefined : nowMs + WILL_CHECK_MS;
  const times = [expiresAtMs(state)];
  if (state.will !== undefined) times.push(willDueMs(state));
  if (state.isUntold) times.push(nowMs + 2000);
  return Math.min(...times);
}

/** When a session without a connection ends. */
export function expiresAtMs(state: SessionState): number {
  return (state.endedMs ?? 0) + state.expirySeconds * 1000;
}

/** When the will of a session without a connection is published: with the session's end at the latest (§3.1.3.2.2). */
export function willDueMs(state: SessionState): number {
  return (state.endedMs ?? 0) + Math.min(state.will?.delaySeconds ?? 0, state.expirySeconds) * 1000;
}
