import type { FeedWire } from "./feed-wire.ts";
import { NDJSON_FEED } from "./ndjson-feed.ts";
import { SSE_FEED } from "./sse-feed.ts";

/** The wires on which a channel writes to its readers itself. */
export const FEED_WIRES = { sse: SSE_FEED, ndjson: NDJSON_FEED } as const satisfies Record<string, FeedWire>;

export type FeedWireName = keyof typeof FEED_WIRES;
