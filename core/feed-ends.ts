import { EverywireError } from "./error.ts";

/** Why a live reader is sent nothing more; what it is told is the same wherever its stream is held. */

export function closedAndRead(): EverywireError {
  return new EverywireError("gone", "Closed, and you have all of it: nothing more will come.");
}

export function channelDeleted(): EverywireError {
  return new EverywireError("gone", "The channel was deleted.");
}

export function tokenExpired(): EverywireError {
  return new EverywireError("unauthenticated", "The token has expired.");
}

export function tooSlow(): EverywireError {
  return new EverywireError("unavailable", "Too slow a reader: go on from your last cursor.");
}

export function takesNothing(): EverywireError {
  return new EverywireError("unavailable", "The reader takes nothing.");
}
