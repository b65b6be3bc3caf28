import { encodeGapEvent, GAP_TYPE } from "../core/event.ts";
import type { Page } from "../core/ports.ts";
import type { Tries } from "../core/webhook-retry.ts";
import { toDeliveryId } from "../core/webhooks.ts";
import type { WebhookMessage } from "./webhook-deliveries.ts";

/** Something of a channel that is to be sent. */
export interface ReadItem {
  readonly kind: "event" | "gap";
  readonly type: string;
  readonly json: string;
  /** Where the channel stands when it is settled: an event's sequence, or where reading goes on after a gap. */
  readonly cursor: string;
}

/** A page of a channel that is being delivered. */
export interface Reading {
  readonly channel: string;
  /** What of it is wanted, in order. */
  readonly items: readonly ReadItem[];
  /** Where the channel stands when all of it is settled. */
  readonly next: string;
  readonly isUpToDate: boolean;
  /** The first that is not settled. */
  index: number;
  /** The attempts at it so far; undefined where that has to be looked up. */
  tries: Tries | undefined;
  /** Whether it was written down that all of it is settled. */
  isMoved: boolean;
}

/** Takes from a page what is wanted. A gap always is: who filters by type must know of it all the same. */
export function toReading(
  channel: string,
  page: Page,
  wants: (type: string) => boolean,
  nowMs: number,
): Reading {
  const items: ReadItem[] = page.events
    .filter(({ type }) => wants(type))
    .map(({ type, json, sequence }) => ({ kind: "event", type, json, cursor: sequence }));
  if (page.gap !== undefined) {
    const json = encodeGapEvent(channel, page.gap, nowMs);
    items.unshift({ kind: "gap", type: GAP_TYPE, json, cursor: page.gap.resumedAt });
  }
  return {
    channel,
    items,
    next: page.next,
    isUpToDate: page.upToDate,
    index: 0,
    tries: undefined,
    isMoved: false,
  };
}

export async function toMessage(
  endpointId: string,
  channel: string,
  { kind, type, json, cursor }: ReadItem,
): Promise<WebhookMessage> {
  return {
    // A gap has a place of its own beside the event that comes before it.
    id: await toDeliveryId(endpointId, channel, kind === "gap" ? `gap ${cursor}` : cursor),
    kind,
    channel,
    sequence: cursor,
    eventId: (JSON.parse(json) as { readonly id: string }).id,
    type,
    body: json,
  };
}
