import type { CloudEvent } from "./event.ts";
import { createId } from "./ids.ts";

/** `presence.join` and `presence.leave`, as JSON: events that are never stored. */
export function encodePresenceEvent(
  type: "presence.join" | "presence.leave",
  channel: string,
  member: { readonly id: string; readonly name: string },
  nowMs: number,
): string {
  const event: CloudEvent = {
    specversion: "1.0",
    id: createId("evt", nowMs),
    source: "/everywire",
    type,
    time: new Date(nowMs).toISOString(),
    subject: channel,
    datacontenttype: "application/json",
    data: { id: member.id, name: member.name },
  };
  return JSON.stringify(event);
}
