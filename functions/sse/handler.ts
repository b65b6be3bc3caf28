import type { ChannelName } from "../../core/channel-name.ts";
import type { OperationContext } from "../../core/context.ts";
import { heartbeatMsOf } from "../../core/heartbeat.ts";
import { openHeldStream, subscribeToEvents } from "../../core/operations/read-events.ts";
import type { HeldStream, LiveSubscription } from "../../core/ports.ts";
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
  const held = await holdStream(context, sources);
  if (held !== undefined) return new Response(held.body, { headers: HEADERS });
  const { identity, limits, nowMs } = context;
  const { requestId } = c.env;
  const positions = new Positions(sources.map((source) => source.after));
  const stream = new FeedStream({
    subscriptions: await subscribeToAll(context, sources),
    encoding: createEncoding(positions, Math.random()),
    heartbeatMs: heartbeatMsOf(limits),
    expiresInMs:
      identity.kind === "user" && identity.expiresAtMs !== undefined
        ? identity.expiresAtMs - nowMs
        : undefined,
    onFault: (error) => console.error(requestId, error.cause ?? error),
  });
  request.signal.addEventListener("abort", () => stream.stop(), { once: true });
  return new Response(stream.body, { headers: HEADERS });
}

/** One channel may write to its reader itself; several have ids that only who reads them all can make. */
async function holdStream(
  context: OperationContext,
  [source, ...others]: readonly Source[],
): Promise<HeldStream | undefined> {
  if (source === undefined || others.length > 0) return undefined;
  return openHeldStream(context, source.channel, { after: source.after, wire: "sse" });
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
