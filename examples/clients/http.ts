import type { Event, Publish, Read } from "./client.ts";
import { resume } from "./resume.ts";

const INTERVAL_MS = 500;

export const publish: Publish = async (url, channel, data) => {
  const response = await fetch(`${url}/channels/${channel}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ type: "note", data }),
  });
  if (!response.ok) throw new Error(await response.text());
};

export const open: Read = async (url, channel, after, onEvent) => {
  for (let cursor = after; ; ) {
    const response = await fetch(`${url}/channels/${channel}?after=${cursor}`);
    if (!response.ok) throw new Error(await response.text());
    const page = (await response.json()) as { events: Event[]; next: string; upToDate: boolean };
    page.events.forEach(onEvent);
    cursor = page.next;
    if (page.upToDate) await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
};

export const read: Read = (url, channel, after, onEvent) =>
  resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
