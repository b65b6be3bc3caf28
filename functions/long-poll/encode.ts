import type { ChannelName } from "../../core/channel-name.ts";
import type { Page } from "../../core/ports.ts";
import { encodePageEvents } from "../boundary/page-json.ts";
import { prepareHeaders } from "../boundary/response-headers.ts";

const HEADERS = prepareHeaders({ "content-type": "application/json", "cache-control": "no-store" });

/** `timeout` says that the time ran out and there was nothing: `next` is then where to go on. */
export function encodePoll(channel: ChannelName, page: Page, nowMs: number): Response {
  const isEmpty = page.events.length === 0 && page.gap === undefined;
  const events = encodePageEvents(channel, page, nowMs);
  return new Response(`{"events":${events},"next":"${page.next}","timeout":${isEmpty}}`, {
    headers: HEADERS,
  });
}
