import { setTimeout as delay } from "node:timers/promises";
import type { DoorDriver, Published, PublishedEvent, Target } from "../door-driver.ts";
import { DEFAULT_TIMEOUT_MS, DoorError } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";

interface Enqueued {
  readonly id: string;
  readonly messageId: string;
}

interface Page {
  readonly events: readonly { readonly id: string; readonly sequence: string }[];
  readonly next: string;
}

const LOOK_AGAIN_MS = 15;
/** Looks at the channel for each look at the queue. */
const LOOKS = 12;

/** What was enqueued is on its way, whatever becomes of the questions after it: one over the rate is asked again. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await ask();
    } catch (thrown) {
      if (tries === 50 || !(thrown instanceof DoorError) || thrown.code !== "rate_limited") throw thrown;
      await delay(100);
    }
  }
}

/**
 * `POST /queue/{channel}`. The queue answers before the event is in the channel, so its sequence is read from there: after
 * where the channel stood, or, for an event that was delivered and is not there, from where it was stored the first time.
 */
export const queue: DoorDriver = {
  name: "queue",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    const headers = toHeaders(target, { "content-type": "application/json" });
    const readPage = async (after: string): Promise<Page> => {
      const url = toUrl(target, `/channels/${channel}`, { after, limit: "1000" });
      return (await (await assertOk(await fetch(url, { headers }))).json()) as Page;
    };
    /** The event, or the cursor of the end where it is not there. */
    const find = async (id: string, after: string): Promise<{ sequence: string } | { end: string }> => {
      for (let from = after; ; ) {
        const { events, next } = await patiently(() => readPage(from));
        const found = events.find((each) => each.id === id);
        if (found !== undefined) return { sequence: found.sequence };
        if (events.length === 0) return { end: next };
        from = next;
      }
    };
    const isDelivered = async (messageId: string): Promise<boolean> =>
      (await fetch(toUrl(target, `/queue/messages/${messageId}`), { headers })).status === 404;

    let { next: after } = await readPage("latest");
    const response = await fetch(toUrl(target, `/queue/${channel}`), {
      method: "POST",
      headers,
      body: JSON.stringify(event),
    });
    const { id, messageId } = (await (await assertOk(response)).json()) as Enqueued;
    for (const deadlineMs = Date.now() + DEFAULT_TIMEOUT_MS; Date.now() < deadlineMs; ) {
      for (let look = 0; look < LOOKS; look += 1) {
        const found = await find(id, after);
        if ("sequence" in found) return { id, sequence: found.sequence, duplicate: false };
        after = found.end;
        await delay(LOOK_AGAIN_MS);
      }
      if (await isDelivered(messageId)) break;
    }
    // Delivered before that was asked, so it is there by now, or was before.
    const found = await find(id, after);
    if ("sequence" in found) return { id, sequence: found.sequence, duplicate: false };
    const first = await find(id, "earliest");
    if ("sequence" in first) return { id, sequence: first.sequence, duplicate: true };
    throw new Error(`The queue did not deliver '${id}'.`);
  },
};
