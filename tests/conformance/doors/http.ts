import { setTimeout as delay } from "node:timers/promises";
import type { DoorDriver, Published, PublishedEvent, Reader, ReceivedEvent, Target } from "../door-driver.ts";
import { DEFAULT_TIMEOUT_MS } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";

interface Page {
  readonly events: readonly Record<string, unknown>[];
  readonly next: string;
  readonly upToDate: boolean;
}

/** This door does not push, so a reader of it has to ask again; this is how long it leaves between two asks. */
const ASK_AGAIN_MS = 25;

/** `POST /channels/{channel}` in the plain form, and paged reads from cursor to cursor. */
export const http: DoorDriver = {
  name: "http",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    const response = await fetch(toUrl(target, `/channels/${channel}`), {
      method: "POST",
      headers: toHeaders(target, { "content-type": "application/json" }),
      body: JSON.stringify(event),
    });
    return (await (await assertOk(response)).json()) as Published;
  },

  async read(target: Target, channel: string, after?: string): Promise<Reader> {
    const readPage = async (from: string | undefined): Promise<Page> => {
      const url = toUrl(target, `/channels/${channel}`, { after: from, limit: "50" });
      return (await (await assertOk(await fetch(url, { headers: toHeaders(target) }))).json()) as Page;
    };
    let page = await readPage(after);
    let cursor = after;
    let index = 0;
    let isCut = false;
    if (page.events.length === 0) cursor = page.next;
    return {
      get cursor() {
        return cursor;
      },
      async next(timeoutMs = DEFAULT_TIMEOUT_MS): Promise<ReceivedEvent> {
        const deadlineMs = Date.now() + timeoutMs;
        while (!isCut) {
          const event = page.events[index];
          if (event !== undefined) {
            index += 1;
            const sequence = event.sequence as string | undefined;
            cursor = sequence ?? (event.data as { resumedAt?: string }).resumedAt ?? cursor;
            return { sequence, event };
          }
          if (Date.now() > deadlineMs) throw new Error(`Nothing came in ${timeoutMs} ms.`);
          if (page.upToDate) await delay(ASK_AGAIN_MS);
          page = await readPage(page.next);
          index = 0;
        }
        throw new Error("The reader was cut.");
      },
      async cut() {
        isCut = true;
      },
    };
  },
};
