import type { Event, Read } from "./client.ts";
import { resume } from "./resume.ts";

export const open: Read = async (url, channel, after, onEvent) => {
  for (let cursor = after; ; ) {
    const response = await fetch(`${url}/poll/${channel}?after=${cursor}&timeout=30`);
    if (!response.ok) throw new Error(await response.text());
    const answer = (await response.json()) as { events: Event[]; next: string };
    answer.events.forEach(onEvent);
    cursor = answer.next;
  }
};

export const read: Read = (url, channel, after, onEvent) =>
  resume(after, onEvent, (cursor, onNext) => open(url, channel, cursor, onNext));
