import type { Event, Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

async function call<T>(url: string, body: object): Promise<T> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(await response.text());
  return (await response.json()) as T;
}

export const publish: Publish = (url, channel, data) =>
  call(`${url}/queue/${channel}`, { type: "note", data });

/** Where a group stands, the queue knows: it begins at the earliest event, and `after` is not asked for. */
export const open: Read = async (url, channel, _after, onEvent) => {
  for (;;) {
    const { messages } = await call<{ messages: { leaseId: string; event: Event }[] }>(
      `${url}/queue/${channel}/lease`,
      { max: 1, wait: 30, visibilityTimeout: 2 },
    );
    for (const { leaseId, event } of messages) {
      onEvent(event);
      await call(`${url}/queue/${channel}/ack`, { leaseIds: [leaseId] });
    }
  }
};

/** Delivered at least once: what comes again, where the acknowledgement was lost, is left out. */
export const read: Read = (url, channel, after, onEvent) => {
  const done = new Set<string | undefined>();
  return resume(after, onEvent, (cursor, onNext) =>
    open(url, channel, cursor, (event) => {
      if (!done.has(event.sequence)) onNext(event);
      done.add(event.sequence);
    }),
  );
};
