import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import { subscribeToEvents } from "../../core/operations/read-events.ts";
import type { LiveSubscription } from "../../core/ports.ts";
import { assertAccepts } from "../boundary/accepts.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { FeedStream } from "../boundary/feed-stream.ts";
import { pathOf, queryOf } from "../boundary/request-target.ts";
import type { Source } from "./decode.ts";
import { decodeChannels, decodeSources } from "./decode.ts";
import { createEncoding } from "./encode.ts";
import { Positions } from "./positions.ts";

/** What CONTRACT §2 promises, whatever the operator sets. */
const MAX_HEARTBEAT_SECONDS = 15;
const RETRY_MS = 1000;
const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  // no-transform: a proxy that compresses a stream holds it back until its block is full.
  "cache-control": "no-store, no-transform",
  // The same for nginx, which buffers what it proxies unless told not to.
  "x-accel-buffering": "no",
};

/** `GET /sse/{channel}` */
export function handleChannel(c: EdgeContext): Promise<Response> {
  return openStream(c, [channelFromPath(pathOf(c.req.raw.url), "/sse/")]);
}

/** `GET /sse?channel=a&channel=b` */
export function handleChannels(c: EdgeContext): Promise<Response> {
  const { MAX_SUBSCRIBED_CHANNELS } = c.get("edge").settings.limits;
  return openStream(c, decodeChannels(queryOf(c.req.raw.url), MAX_SUBSCRIBED_CHANNELS));
}

/** Subscribes before it answers, so that a refusal is a status, and an open stream misses nothing from then on. */
async function openStream(c: EdgeContext, channels: readonly ChannelName[]): Promise<Response> {
  const request = c.req.raw;
  assertAccepts(request.headers.get("accept"), ["text/event-stream"]);
  const sources = decodeSources(request, queryOf(request.url), channels);
  const context = toOperationContext(c);
  const { identity, limits, nowMs } = context;
  const { requestId } = c.env;
  const positions = new Positions(sources.map((source) => source.after));
  // Jitter, so that the readers of a server that went away do not all come back in the same moment.
  const retryMs = RETRY_MS + Math.floor(Math.random() * RETRY_MS);
  const stream = new FeedStream({
    subscriptions: await subscribeToAll(context, sources),
    encoding: createEncoding(positions, retryMs),
    heartbeatMs: Math.min(limits.HEARTBEAT_SECONDS, MAX_HEARTBEAT_SECONDS) * 1000,
    expiresInMs:
      identity.kind === "user" && identity.expiresAtMs !== undefined
        ? identity.expiresAtMs - nowMs
        : undefined,
    onFault: (error) => console.error(requestId, error.cause ?? error),
  });
  request.signal.addEventListener("abort", () => stream.stop(), { once: true });
  return new Response(stream.body, { headers: HEADERS });
}

/** All or none: where one channel refuses, those that were already open are closed. */
async function subscribeToAll(
  context: OperationContext,
  sources: readonly Source[],
): Promise<readonly LiveSubscription[]> {
  const opened = await Promise.allSettled(
    sources.map(({ channel, after }) => subscribeToEvents(context, channel, after)),
  );
  const subscriptions = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const refused = opened.find((result) => result.status === "rejected");
  if (refused === undefined) return subscriptions;
  for (const subscription of subscriptions) subscription.close();
  throw refused.reason;
}
