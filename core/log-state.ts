import type { After } from "./cursor.ts";
import { EARLIEST, formatCursor, LATEST, parseCursor, UNBORN_EPOCH } from "./cursor.ts";
import { EverywireError } from "./error.ts";
import type { Gap, ProducerStamp } from "./log-entry.ts";

/**
 * What a cursor means to a log, and what a numbering producer may append: decisions that every store of logs must make
 * alike, or a reader could not go on from one edge to another. Pure: no clock, no storage.
 */
export interface LogState {
  /** This life of the log; undefined while nothing was ever written, or since it was deleted. */
  readonly epoch: string | undefined;
  /** How many lives have ended. */
  readonly endedLives: number;
  /** The number of the newest event; 0 where there is none. */
  readonly head: number;
  /** The number of the oldest event that a reader may have; `head + 1` where all have gone. */
  readonly first: number;
}

export const UNBORN: LogState = { epoch: undefined, endedLives: 0, head: 0, first: 1 };

/** Where a reader starts: it gets the events numbered above `number`. */
export interface Start {
  readonly number: number;
  readonly gap: Gap | undefined;
}

/**
 * The cursor of a position. Before the first event there is no epoch; the cursor then counts the lives that ended, so
 * that it can be told whether one more has come and gone since.
 */
export function cursorAt(state: LogState, number: number): string {
  return state.epoch === undefined
    ? formatCursor(UNBORN_EPOCH, state.endedLives)
    : formatCursor(state.epoch, number);
}

/**
 * Decides where a reader starts, and whether it must be told that something is missing (CONTRACT §1): its cursor is
 * older than what is kept, of an earlier life, or ahead of a log that was restored from a copy.
 */
export function resolveStart(state: LogState, after: After): Start {
  if (after === LATEST) return { number: state.head, gap: undefined };
  const oldest = state.first - 1;
  if (after === EARLIEST) return { number: oldest, gap: undefined };
  const cursor = parseCursor(after);
  if (cursor === undefined) {
    throw new EverywireError(
      "invalid_argument",
      "'after' is a cursor from this channel, 'earliest' or 'latest'.",
    );
  }
  const withGap = (number: number): Start => ({
    number,
    gap: { requested: after, resumedAt: cursorAt(state, number) },
  });
  if (cursor.epoch === UNBORN_EPOCH) {
    if (cursor.number !== state.endedLives) return withGap(oldest);
    return oldest > 0 ? withGap(oldest) : { number: 0, gap: undefined };
  }
  if (cursor.epoch !== state.epoch) return withGap(oldest);
  if (cursor.number > state.head) return withGap(state.head);
  if (cursor.number < oldest) return withGap(oldest);
  return { number: cursor.number, gap: undefined };
}

/** The oldest number to keep, by count alone. */
export function firstByCount(head: number, maxEvents: number): number {
  return Math.max(1, head - maxEvents + 1);
}

export interface ProducerRecord {
  readonly epoch: number;
  readonly sequence: number;
  /** The cursor of the last append that was accepted. */
  readonly cursor: string;
}

export type ProducerDecision =
  | { readonly kind: "accept" }
  | { readonly kind: "duplicate"; readonly cursor: string };

/**
 * Decides on an append by a numbering producer (Durable Streams `PROTOCOL.md`, "Idempotent producers").
 *
 * @throws EverywireError `permission_denied` for a producer that a later epoch has fenced off, `invalid_argument` for
 *   a new epoch that does not start at 0, `precondition_failed` where an append is missing in between
 */
export function decideProducer(record: ProducerRecord | undefined, stamp: ProducerStamp): ProducerDecision {
  if (record === undefined || stamp.epoch > record.epoch) {
    if (stamp.sequence === 0) return { kind: "accept" };
    throw record === undefined
      ? missing(0, stamp.sequence)
      : new EverywireError("invalid_argument", "A producer's new epoch starts at sequence 0.");
  }
  if (stamp.epoch < record.epoch) {
    throw new EverywireError("permission_denied", `A producer with epoch ${record.epoch} has taken over.`, {
      details: { epoch: [String(record.epoch)] },
    });
  }
  if (stamp.sequence <= record.sequence) return { kind: "duplicate", cursor: record.cursor };
  if (stamp.sequence === record.sequence + 1) return { kind: "accept" };
  throw missing(record.sequence + 1, stamp.sequence);
}

function missing(expected: number, received: number): EverywireError {
  return new EverywireError(
    "precondition_failed",
    `The producer's next sequence is ${expected}, not ${received}.`,
    {
      details: { expected: [String(expected)], received: [String(received)] },
    },
  );
}
