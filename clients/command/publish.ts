import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { EverywireError } from "../typescript/error.ts";
import type { NewEvent } from "../typescript/event.ts";
import { request } from "./http.ts";
import type { Target } from "./target.ts";

/** What the log says of an event. */
export interface Ack {
  readonly id: string;
  readonly sequence: string | null;
  readonly duplicate: boolean;
}

const MAX_TRIES = 8;
const FIRST_DELAY_MS = 250;

/**
 * Appends events to a channel, all of them or none, and waits until they are durable. Sent again where nothing was
 * answered, or not so fast: under their ids they are stored once.
 *
 * @throws EverywireError
 */
export async function publish(
  target: Target,
  channel: string,
  events: readonly NewEvent[],
  signal: AbortSignal,
): Promise<readonly Ack[]> {
  const named = events.map((event) => ({ ...event, id: event.id ?? randomUUID() }));
  const body = JSON.stringify(named.length === 1 ? named[0] : named);
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await request(target, `/channels/${channel}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal,
      });
      const answer = (await response.json()) as Ack | readonly Ack[];
      return Array.isArray(answer) ? answer : [answer as Ack];
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const error = EverywireError.from(thrown);
      // Where nothing has answered at first, the address is probably wrong.
      const isHopeless =
        !error.isTransient ||
        attempt === MAX_TRIES ||
        (attempt === 1 && error.code === "unavailable" && !error.isTold);
      if (isHopeless) throw error;
      await delay(error.retryAfterMs ?? FIRST_DELAY_MS * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}
