import type { EverywireError } from "./error.ts";

/** What is known when a connection has ended. */
export interface Ended {
  readonly error: EverywireError;
  /** Something on the way keeps the bytes back: see `Attempt`. */
  readonly isWithheld: boolean;
  /** Whether the other end ever showed itself on it. */
  readonly wasOpen: boolean;
  /** Connections over this wire, this one included, that were cut soon after they had opened, in a row. */
  readonly shortLives: number;
  /** Connections over this wire that fell silent, in a row. */
  readonly silences: number;
  /** Connections in a row that were refused for the token. */
  readonly refusedTokens: number;
  /** Connections in a row that ended because the channel was gone, and brought nothing. */
  readonly goneInRow: number;
}

/**
 * - `fail`: the server refuses, and would again.
 * - `finish`: the channel was closed, and all of it was read.
 * - `renew`: the token has to be renewed first.
 * - `retry`: again over the same wire, after a while.
 * - `probe`: a short request has to tell whether the server is away, or only this wire does not pass.
 * - `step-down`: this wire does not pass here.
 */
export type Outcome = "fail" | "finish" | "renew" | "retry" | "probe" | "step-down";

/** Two may be chance, or a server that restarts. */
const MAX_SHORT_LIVES = 3;
/** One may be a computer that slept. */
const MAX_SILENCES = 2;

/** What to do after a connection has ended. */
export function decideOutcome(ended: Ended): Outcome {
  const { error, isWithheld, wasOpen, shortLives, silences, refusedTokens, goneInRow } = ended;
  if (isWithheld) return "step-down";
  if (!error.isTold) {
    const isSuspect = shortLives >= MAX_SHORT_LIVES || silences >= MAX_SILENCES;
    return isSuspect || !wasOpen ? "probe" : "retry";
  }
  switch (error.code) {
    case "unauthenticated":
      return refusedTokens > 1 ? "fail" : "renew";
    case "gone":
      // Deleted: whoever comes back is told of the gap, and reads the channel's next life. Closed: it is the same again.
      return goneInRow > 1 ? "finish" : "retry";
    case "rate_limited":
    case "unavailable":
    case "deadline_exceeded":
    case "internal":
      return "retry";
    case "invalid_argument":
    case "permission_denied":
      return "fail";
    default:
      // Of this door perhaps, which a server may not have; the log itself says whether of the channel.
      return "probe";
  }
}
