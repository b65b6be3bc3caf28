import type { After } from "../core/cursor.ts";
import type { Page, StoredEvent } from "../core/ports.ts";
import type { Failure, Result } from "../core/result.ts";
import { attempt } from "../core/result.ts";
import { encodeEventPage } from "../wire/rpc-text.ts";
import type { ChannelLog } from "./channel-log.ts";
import { MAX_PAGE_CHARS } from "./channel-log.ts";
import type { LogState } from "./channel-state.ts";
import { cursorAt, resolveStart } from "./channel-state.ts";

interface LastPage {
  readonly state: LogState;
  readonly after: After;
  readonly limit: number;
  readonly outcome: Result<Page>;
  /** The page as it crosses to the Worker, where that was asked for. */
  text: string | undefined;
}

/** Whether it is what a page of at most so many events would be: that same number, or all that there is. */
function hasAll({ limit, outcome }: LastPage, asked: number): boolean {
  if (limit === asked) return true;
  return outcome.ok && outcome.value.upToDate && outcome.value.events.length <= asked;
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
    return this.#find(after, limit).outcome;
  }

  /** {@link read} as text (`wire/rpc-text.ts`), or why there is none. */
  readText(after: After, limit: number): string | Failure {
    const found = this.#find(after, limit);
    if (!found.outcome.ok) return found.outcome;
    found.text ??= encodeEventPage(found.outcome.value);
    return found.text;
  }

  /**
   * Keeps what was appended now as the page after what was there before: those that wait for it are about to ask for
   * just that, and it need not be read.
   */
  keepNew(fresh: readonly StoredEvent[]): void {
    const { state } = this.#log;
    const number = state.head - fresh.length;
    let length = 0;
    for (const { json } of fresh) length += json.length;
    // What is gone already, or too much for one page, has to be asked of the log.
    if (number < state.first - 1 || length > MAX_PAGE_CHARS) return;
    const page = { events: [...fresh], next: cursorAt(state, state.head), upToDate: true, gap: undefined };
    const after = cursorAt(state, number) as After;
    this.#last = { state, after, limit: fresh.length, outcome: { ok: true, value: page }, text: undefined };
  }

  #find(after: After, limit: number): LastPage {
    const { state } = this.#log;
    const last = this.#last;
    if (last?.state === state && last.after === after && hasAll(last, limit)) return last;
    const outcome = attempt(() => this.#readNow(state, after, limit));
    this.#last = { state, after, limit, outcome, text: undefined };
    return this.#last;
  }

  /** @throws EverywireError `invalid_argument` where the cursor is none */
  #readNow(state: LogState, after: After, limit: number): Page {
    const { number, gap } = resolveStart(state, after);
    const { events, last } = this.#log.read(number, limit);
    return { events, next: cursorAt(state, last), upToDate: last >= state.head, gap };
  }
}
