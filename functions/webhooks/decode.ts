import { EverywireError } from "../../core/error.ts";
import type { DeliveryState, ListDeliveriesQuery } from "../../core/webhooks.ts";
import { DELIVERY_STATES } from "../../core/webhooks.ts";
import { mediaType, readJson } from "../boundary/body.ts";
import { parseWholeNumber } from "../boundary/query.ts";

const DEFAULT_PAGE_SIZE = 20;
const MAX_PAGE_SIZE = 100;
/** What a client sends that names no type: `curl -d` says the first, `fetch` with a text the second. */
const UNNAMED_TYPES = ["", "application/x-www-form-urlencoded", "text/plain"];

/** @throws EverywireError `unsupported_media_type`, `payload_too_large`, `invalid_argument` where it is not JSON */
export function decodeJsonBody(request: Request, maxBytes: number): Promise<unknown> {
  const type = mediaType(request);
  if (
    type !== "application/json" &&
    type !== "application/merge-patch+json" &&
    !UNNAMED_TYPES.includes(type)
  ) {
    throw new EverywireError("unsupported_media_type", "Send application/json.");
  }
  return readJson(request, maxBytes);
}

export function decodeEndpointsQuery(query: URLSearchParams): {
  readonly afterId: string | undefined;
  readonly limit: number;
} {
  const afterId = query.get("after") ?? undefined;
  if (afterId !== undefined && !/^whe_[a-z0-9]{21}$/.test(afterId))
    throw new EverywireError("invalid_argument", "'after' is the 'next' of the page before.");
  return { afterId, limit: parseLimit(query) };
}

export function decodeDeliveriesQuery(query: URLSearchParams): ListDeliveriesQuery {
  const state = query.get("state") ?? undefined;
  if (state !== undefined && !isDeliveryState(state))
    throw new EverywireError("invalid_argument", `'state' is one of ${DELIVERY_STATES.join(", ")}.`);
  const before = parseWholeNumber(query.get("before"), "before", { min: 1, max: Number.MAX_SAFE_INTEGER });
  return { state, before, limit: parseLimit(query) };
}

function parseLimit(query: URLSearchParams): number {
  return parseWholeNumber(query.get("limit"), "limit", { min: 1, max: MAX_PAGE_SIZE }) ?? DEFAULT_PAGE_SIZE;
}

function isDeliveryState(text: string): text is DeliveryState {
  return (DELIVERY_STATES as readonly string[]).includes(text);
}
