import { setTimeout as delay } from "node:timers/promises";
import { EverywireError } from "../../typescript/error.ts";
import type { CloudEvent } from "../../typescript/event.ts";
import { request } from "../http.ts";
import type { Target } from "../target.ts";

/** What a reading door is asked for. */
export interface ReadRequest {
  readonly channel: string;
  /** A cursor, `earliest` or `latest`. */
  readonly after: string;
  /** Ends the reading: the connection is closed, and the iteration ends or throws. */
  readonly signal: AbortSignal;
  /** Called once the reader is live: what is published from now on will come. With where it stands, if the wire says so. */
  onLive(cursor: string | undefined): void;
  /** Called with what a wire says of itself (another transport, say). */
  onNote?(text: string): void;
}

/**
 * One wire, read once: the iteration brings events in order, gaps included, and throws when the connection is lost or
 * the server refuses. Resuming is `follow`'s, the same for all of them.
 *
 * @throws EverywireError
 */
export type ReadDoor = (target: Target, request: ReadRequest) => AsyncIterable<CloudEvent>;

/** Where reading goes on behind an event: its sequence, or what a gap says; undefined for what is not stored. */
export function cursorBehind(event: CloudEvent): string | undefined {
  if (event.sequence !== undefined && event.sequence !== null && event.sequence !== "") return event.sequence;
  if (event.type !== "everywire.gap") return undefined;
  return (event.data as { readonly resumedAt?: string } | undefined)?.resumedAt;
}

/** The connection is gone, and nobody said why. */
export function lost(why: string): EverywireError {
  return new EverywireError("unavailable", why);
}

/**
 * What a callback brings, as an iteration: events wait here until they are taken. It ends by {@link end}.
 */
export class Arrivals implements AsyncIterable<CloudEvent> {
  readonly #events: CloudEvent[] = [];
  #wake = Promise.withResolvers<void>();
  #end: { readonly error: EverywireError | undefined } | undefined;

  push(event: CloudEvent): void {
    if (this.#end !== undefined) return;
    this.#events.push(event);
    this.#wake.resolve();
  }

  /** Ends the iteration when what came has been taken; with an error it throws then. */
  end(error?: EverywireError): void {
    this.#end ??= { error };
    this.#wake.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<CloudEvent> {
    for (;;) {
      for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) yield event;
      if (this.#end !== undefined) {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      }
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
  }
}

export interface FollowOptions {
  readonly channel: string;
  readonly after: string;
  readonly signal: AbortSignal;
  onLive?(cursor: string | undefined): void;
  onNote?(text: string): void;
  /** The connection was lost; the next is tried in `delayMs` from where it was. */
  onLost?(error: EverywireError, delayMs: number): void;
}

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 10_000;

/**
 * Reads a channel over a door for as long as it is wanted, through lost connections: each goes on from the cursor, and
 * what comes twice is left out. Where the door was never reached, that is an error at once: the address is probably wrong.
 *
 * @throws EverywireError what the server refuses for good
 */
export async function* follow(
  read: ReadDoor,
  target: Target,
  options: FollowOptions,
): AsyncGenerator<CloudEvent, undefined> {
  const { channel, signal } = options;
  // A reader that is cut before its first event has to know where it began: not every wire says so.
  let cursor = options.after === "latest" ? await findPosition(target, channel, signal) : options.after;
  let wasLive = false;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const onLive = (at: string | undefined) => {
        wasLive = true;
        failures = 0;
        if (at !== undefined && cursor === "latest") cursor = at;
        options.onLive?.(at);
      };
      const request = {
        channel,
        after: cursor,
        signal,
        onLive,
        ...(options.onNote && { onNote: options.onNote }),
      };
      for await (const event of read(target, request)) {
        const behind = cursorBehind(event);
        // Cursors of a channel are in order as texts (CONTRACT §1), the two words aside.
        const isRepeat =
          behind !== undefined && event.type !== "everywire.gap" && !isWord(cursor) && behind <= cursor;
        if (isRepeat) continue;
        if (behind !== undefined) cursor = behind;
        yield event;
        if (signal.aborted) return;
      }
      if (signal.aborted) return;
      throw lost("The connection ended.");
    } catch (thrown) {
      if (signal.aborted) return;
      const error = EverywireError.from(thrown);
      if (!error.isTransient || !wasLive) throw error;
      const delayMs = error.retryAfterMs ?? backoffMs(failures);
      failures += 1;
      options.onLost?.(error, delayMs);
      await delay(delayMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Where the channel ends now; `latest` where the server is not to be asked over HTTP. */
async function findPosition(target: Target, channel: string, signal: AbortSignal): Promise<string> {
  try {
    const response = await request(target, `/channels/${channel}`, {
      query: { after: "latest", limit: 1 },
      signal,
    });
    return ((await response.json()) as { readonly next: string }).next;
  } catch (thrown) {
    const error = EverywireError.from(thrown);
    if (signal.aborted || error.isTransient) return "latest";
    throw error;
  }
}

/** A random part of what doubles each time: readers that were cut together must not come back together. */
function backoffMs(failures: number): number {
  const most = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** failures);
  return Math.round(most / 2 + (Math.random() * most) / 2);
}

function isWord(cursor: string): boolean {
  return cursor === "latest" || cursor === "earliest";
}
