import { setTimeout as delay } from "node:timers/promises";
import type { DoorDriver, Published, PublishedEvent, Target } from "../door-driver.ts";
import { DEFAULT_TIMEOUT_MS } from "../door-driver.ts";
import { assertOk, toHeaders, toUrl } from "../http-exchange.ts";

interface Page {
  readonly events: readonly { readonly id: string; readonly sequence: string }[];
  readonly next: string;
}

interface Enqueued {
  readonly id: string;
  readonly messageId: string;
}

/** A message that was delivered is one that the queue does not know any more. */
async function waitUntilDelivered(target: Target, messageId: string): Promise<void> {
  const url = toUrl(target, `/queue/messages/${messageId}`);
  for (const deadlineMs = Date.now() + DEFAULT_TIMEOUT_MS; Date.now() < deadlineMs; await delay(10)) {
    if ((await fetch(url, { headers: toHeaders(target) })).status === 404) return;
  }
  throw new Error(`The queue did not deliver in ${DEFAULT_TIMEOUT_MS} ms.`);
}

/**
 * `POST /queue/{channel}`. The queue answers before the event is in the channel, so its sequence is read from there; and
 * for an event with an id of its own, it is looked first whether it is there already.
 */
export const queue: DoorDriver = {
  name: "queue",

  async publish(target: Target, channel: string, event: PublishedEvent): Promise<Published> {
    const page = async (path: string, query: Record<string, string>): Promise<Page> => {
      const url = toUrl(target, `${path}${channel}`, query);
      return (await (await assertOk(await fetch(url, { headers: toHeaders(target) }))).json()) as Page;
    };
    const find = async (id: string | undefined, after: string): Promise<Published | undefined> => {
      for (let from = after; id !== undefined; ) {
        const { events, next } = await page("/channels/", { after: from, limit: "1000" });
        const found = events.find((each) => each.id === id);
        if (found !== undefined) return { id, sequence: found.sequence, duplicate: true };
        if (events.length === 0) return undefined;
        from = next;
      }
      return undefined;
    };

    const known = await find(event.id, "earliest");
    const { next: head } = await page("/channels/", { after: "latest", limit: "1" });
    const response = await fetch(toUrl(target, `/queue/${channel}`), {
      method: "POST",
      headers: toHeaders(target, { "content-type": "application/json" }),
      body: JSON.stringify(event),
    });
    const { id, messageId } = (await (await assertOk(response)).json()) as Enqueued;
    if (known !== undefined) {
      // Delivered, and stored no second time.
      await waitUntilDelivered(target, messageId);
      if ((await find(id, known.sequence)) !== undefined) throw new Error(`'${id}' was stored twice.`);
      return known;
    }
    const deadlineMs = Date.now() + DEFAULT_TIMEOUT_MS;
    for (let after = head; Date.now() < deadlineMs; ) {
      const { events, next } = await page("/poll/", { after, timeout: "2" });
      const found = events.find((each) => each.id === id);
      if (found !== undefined) return { id, sequence: found.sequence, duplicate: false };
      after = next;
    }
    throw new Error(`The queue did not deliver in ${DEFAULT_TIMEOUT_MS} ms.`);
  },
};
