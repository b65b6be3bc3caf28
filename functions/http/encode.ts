import type { ChannelName } from "../../core/channel-name.ts";
import type { ChannelPage } from "../../core/operations/list-channels.ts";
import type { PublishResult } from "../../core/operations/publish-event.ts";
import type { Page } from "../../core/ports.ts";
import { encodePageEvents } from "../boundary/page-json.ts";
import { prepareHeaders } from "../boundary/response-headers.ts";

/** 201 also for a duplicate: a retry is answered like the publish that it repeats. */
export function encodeResults(results: readonly PublishResult[], isBatch: boolean): Response {
  return toJsonResponse(JSON.stringify(isBatch ? results : results[0]), 201);
}

export function encodePage(channel: ChannelName, page: Page, nowMs: number): Response {
  const events = encodePageEvents(channel, page, nowMs);
  return toJsonResponse(`{"events":${events},"next":"${page.next}","upToDate":${page.upToDate}}`, 200);
}

/** `next` is null at the end, so that a client need not tell absent from undefined. */
export function encodeChannelPage(page: ChannelPage): Response {
  return toJsonResponse(JSON.stringify({ channels: page.channels, next: page.next ?? null }), 200);
}

const HEADERS = prepareHeaders({ "content-type": "application/json", "cache-control": "no-store" });

export function toJsonResponse(json: string, status: number): Response {
  return new Response(json, { status, headers: HEADERS });
}
