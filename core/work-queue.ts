import type { ChannelName } from "./channel-name.ts";
import type { Gap } from "./log-entry.ts";

/** Consumers who share the work on a channel: each message goes to one of them at a time. */
export interface GroupKey {
  readonly channel: ChannelName;
  readonly group: string;
}

export interface LeaseRequest {
  readonly max: number;
  /** How long the messages are this consumer's alone. */
  readonly visibilityMs: number;
  /** How long to wait where there is nothing; 0 for not at all. */
  readonly waitMs: number;
}

/** A message that was handed out. */
export interface LeasedMessage {
  readonly leaseId: string;
  readonly sequence: string;
  /** The whole CloudEvent. */
  readonly json: string;
  /** 1 for the first time that this message is handed out. */
  readonly attempt: number;
  readonly leasedUntilMs: number;
}

export interface LeasedMessages {
  readonly messages: readonly LeasedMessage[];
  /** Set where the channel no longer had all that came after the group's place. */
  readonly gap: Gap | undefined;
}

/** What became of leases: those that are over their time belong to nobody, or to somebody else by now. */
export interface SettledLeases {
  readonly done: readonly string[];
  readonly expired: readonly string[];
}

/** Where a group stands. */
export interface GroupStatus {
  /** Everything up to here is settled; undefined where the group has not begun. */
  readonly settledThrough: string | undefined;
  /** Everything up to here was handed out. */
  readonly position: string | undefined;
  /** Messages with a consumer. */
  readonly leased: number;
  /** Messages that came back, and wait to be handed out again. */
  readonly waiting: number;
  readonly deadLetters: number;
}

/** A message that the group handed out as often as it may, in vain. */
export interface GroupDeadLetter {
  readonly sequence: string;
  readonly json: string;
  readonly attempts: number;
  /** How the last attempt ended. */
  readonly reason: "nack" | "expired";
  readonly failedMs: number;
}

/**
 * Consumer groups: competing consumers over a channel's log. A group begins at the channel's earliest event, keeps its
 * place and its leases durably, and hands a message to one consumer at a time, again when its lease is over or was given
 * back, and at most `MAX_LEASE_ATTEMPTS` times.
 */
export interface WorkQueues {
  lease(key: GroupKey, request: LeaseRequest): Promise<LeasedMessages>;
  /** Settles messages: they are not handed out again. */
  ack(key: GroupKey, leaseIds: readonly string[]): Promise<SettledLeases>;
  /** Gives messages back, to be handed out again after `delayMs`. */
  nack(key: GroupKey, leaseIds: readonly string[], delayMs: number): Promise<SettledLeases>;
  /** Leases anew, from now. */
  extend(key: GroupKey, leaseIds: readonly string[], visibilityMs: number): Promise<SettledLeases>;
  describe(key: GroupKey): Promise<GroupStatus>;
  /** In order, after a sequence. */
  listDead(key: GroupKey, after: string, limit: number): Promise<readonly GroupDeadLetter[]>;
  getDead(key: GroupKey, sequence: string): Promise<GroupDeadLetter | undefined>;
  /** Hands it out again, with its attempts counted anew. False where there is none. */
  retryDead(key: GroupKey, sequence: string): Promise<boolean>;
  /** False where there is none. */
  deleteDead(key: GroupKey, sequence: string): Promise<boolean>;
}
