import type { ChannelName } from "../../core/channel-name.ts";
import { encodeGapEvent } from "../../core/event.ts";
import type { Page } from "../../core/ports.ts";

/**
 * The events of a page as a JSON array, the gap first where there is one (CONTRACT §1). Stored events are JSON
 * already and are joined as text: a page of a thousand costs no parsing.
 */
export function encodePageEvents(channel: ChannelName, page: Page, nowMs: number): string {
  const events = page.events.map((event) => event.json);
  if (page.gap !== undefined) events.unshift(encodeGapEvent(channel, page.gap, nowMs));
  return `[${events.join(",")}]`;
}
