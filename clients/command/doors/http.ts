import { setTimeout as delay } from "node:timers/promises";
import type { CloudEvent } from "../../typescript/event.ts";
import { request } from "../http.ts";
import type { ReadDoor } from "./door.ts";

/** Between two polls that brought nothing. Short enough to watch, long enough to show what polling costs. */
export const POLL_INTERVAL_MS = 500;

interface Page {
  readonly events: readonly CloudEvent[];
  readonly next: string;
  readonly upToDate: boolean;
}

/** `GET /channels/{channel}?after=`, again and again: plain polling (functions/http). */
export const read: ReadDoor = async function* (target, { channel, after, signal, onLive }) {
  let cursor = after;
  let isLive = false;
  while (!signal.aborted) {
    const response = await request(target, `/channels/${channel}`, {
      query: { after: cursor, limit: 100 },
      signal,
    });
    const page = (await response.json()) as Page;
    if (!isLive) onLive(page.events.length === 0 ? page.next : undefined);
    isLive = true;
    yield* page.events;
    cursor = page.next;
    if (page.upToDate) await delay(POLL_INTERVAL_MS, undefined, { signal });
  }
};
