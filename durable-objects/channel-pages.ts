import type { After } from "../core/cursor.ts";
import type { Page } from "../core/ports.ts";
import type { Result } from "../core/result.ts";
import { attempt } from "../core/result.ts";
import type { ChannelLog } from "./channel-log.ts";
import type { LogState } from "./channel-state.ts";
import { cursorAt, resolveStart } from "./channel-state.ts";

interface LastPage {
  readonly state: LogState;
  readonly after: After;
  readonly limit: number;
  readonly outcome: Result<Page>;
}

/** Pages of a channel's log, by cursor. */
export class ChannelPages {
  readonly #log: ChannelLog;
  /** The last one and what it was an answer to: a thousand long polls that wake together ask for the same one. */
  #last: LastPage | undefined;

  constructor(log: ChannelLog) {
    this.#log = log;
  }

  read(after: After, limit: number): Result<Page> {
    const { state } = this.#log;
    const last = this.#last;
    if (last?.state === state && last.after === after && last.limit === limit) return last.outcome;
    const outcome = attempt(() => this.#readNow(state, after, limit));
    this.#last = { state, after, limit, outcome };
    return outcome;
  }

  /** @throws EverywireError `invalid_argument` where the cursor is none */
  #readNow(state: LogState, after: After, limit: number): Page {
    const { number, gap } = resolveStart(state, after);
    const { events, last } = this.#log.read(number, limit);
    return { events, next: cursorAt(state, last), upToDate: last >= state.head, gap };
  }
}
