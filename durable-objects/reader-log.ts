import type { StoredEvent } from "../core/ports.ts";
import type { LogState } from "./channel-state.ts";

export interface LogPage {
  readonly events: readonly StoredEvent[];
  /** The number of the last of them, or of the last that is not there any more. */
  readonly last: number;
}

/** What readers are brought up to date from, which is the log itself or a way to it. */
export interface ReaderLog {
  /** `head` is the newest event that whoever is live was sent. */
  readonly state: LogState;
  /** Events above `number`, none of them above the head; a promise where they have to be asked for. */
  read(number: number, limit: number): LogPage | Promise<LogPage>;
}
