import { EARLIEST, parseAfter } from "../../core/cursor.ts";
import type { EverywireError } from "../../core/error.ts";
import { heartbeatMsOf } from "../../core/heartbeat.ts";
import type { Identity } from "../../core/identity.ts";
import { jobChannel, startProductImport } from "../../core/operations/import-products.ts";
import { assertMayPublish } from "../../core/operations/publish-event.ts";
import { openHeldStream, subscribeToEvents } from "../../core/operations/read-events.ts";
import type { FeedRecord, LiveSubscription } from "../../core/ports.ts";
import { NDJSON_MEDIA_TYPE, NDJSON_MEDIA_TYPES } from "../../wire/ndjson.ts";
import { NDJSON_FEED } from "../../wire/ndjson-feed.ts";
import { assertAccepts } from "../boundary/accepts.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { FeedStream } from "../boundary/feed-stream.ts";
import { untilPositioned } from "../boundary/first-records.ts";
import { pathOf, queryOf } from "../boundary/request-target.ts";
import { assertNdjson, parseRateMode } from "./decode.ts";
import { encodeError, encodeRecords } from "./encode.ts";
import { isJobEnd, uploadRows } from "./import-job.ts";
import { LineAnswers } from "./line-answers.ts";
import { publishLines } from "./publish-lines.ts";

const PREFIX = "/stream/";
const JOBS_PATH = "/stream/jobs";
const HEADERS = {
  "content-type": NDJSON_MEDIA_TYPE,
  // no-transform: a proxy that compresses a stream holds it back until its block is full.
  "cache-control": "no-store, no-transform",
  // The same for nginx, which buffers what it proxies unless told not to.
  "x-accel-buffering": "no",
};
/** A line may have white space and escapes that the event does not; the event itself is measured when it is encoded. */
const LINE_BYTES_PER_EVENT_BYTE = 4;

/** `GET /stream/{channel}?after=` */
export async function handleRead(c: EdgeContext): Promise<Response> {
  const request = c.req.raw;
  assertAccepts(request.headers.get("accept"), NDJSON_MEDIA_TYPES);
  const channel = channelFromPath(pathOf(request.url), PREFIX);
  const after = parseAfter(queryOf(request.url).get("after"));
  const context = toOperationContext(c);
  const held = await openHeldStream(context, channel, { after, wire: "ndjson" });
  if (held !== undefined) return toResponse(held.body, { "everywire-cursor": held.cursor });
  const subscription = await subscribeToEvents(context, channel, after);
  return toStream(c, subscription, { "everywire-cursor": await untilPositioned(subscription) });
}

/** `POST /stream/{channel}`, and `POST /stream/jobs` */
export function handlePost(c: EdgeContext): Promise<Response> {
  assertAccepts(c.req.raw.headers.get("accept"), NDJSON_MEDIA_TYPES);
  assertNdjson(c.req.raw);
  return pathOf(c.req.raw.url) === JOBS_PATH ? runJob(c) : publish(c);
}

async function publish(c: EdgeContext): Promise<Response> {
  const request = c.req.raw;
  const context = toOperationContext(c);
  const channel = channelFromPath(pathOf(request.url), PREFIX);
  const rateMode = parseRateMode(queryOf(request.url).get("rate"));
  await assertMayPublish(context, channel);
  if (request.body === null) return new Response(null, { headers: HEADERS });
  const { limits, identity, nowMs } = context;
  const maxLineBytes = limits.MAX_EVENT_BYTES * LINE_BYTES_PER_EVENT_BYTE;
  const answers: LineAnswers = new LineAnswers({
    body: request.body,
    maxLineBytes,
    maxBatchLines: limits.MAX_BATCH_EVENTS,
    // Half, because what an event is given on its way (time, source, subject) counts too.
    maxBatchBytes: limits.MAX_BATCH_BYTES / 2,
    maxUnreadBytes: limits.MAX_READER_BUFFER_BYTES,
    heartbeatMs: limits.HEARTBEAT_SECONDS * 1000,
    expiresInMs: expiryOf(identity, nowMs),
    answer: (lines) =>
      publishLines({ context, channel, maxLineBytes, rateMode, isEnded: () => answers.isEnded }, lines),
    onFault: faultLog(c),
  });
  request.signal.addEventListener("abort", () => answers.stop(), { once: true });
  return new Response(answers.body, { headers: HEADERS });
}

/** Starts the job, follows it from its first event, and feeds it the body meanwhile. */
async function runJob(c: EdgeContext): Promise<Response> {
  const context = toOperationContext(c);
  const { jobId } = await startProductImport(context);
  const channel = jobChannel(jobId);
  const subscription = await subscribeToEvents(context, channel, EARLIEST);
  const maxLineBytes = context.limits.MAX_EVENT_BYTES;
  // Goes on for a while where the client does not wait for the answer; the job itself needs nobody.
  c.executionCtx.waitUntil(uploadRows(context, jobId, c.req.raw.body, maxLineBytes));
  return toStream(c, subscription, { location: `${PREFIX}${channel}`, "everywire-job": jobId }, isJobEnd);
}

function toStream(
  c: EdgeContext,
  subscription: LiveSubscription,
  headers: Readonly<Record<string, string>>,
  isLast: (record: FeedRecord) => boolean = () => false,
): Response {
  const { limits, identity, nowMs } = toOperationContext(c);
  const stream = new FeedStream({
    subscriptions: [subscription],
    encoding: {
      opening: NDJSON_FEED.opening(0),
      heartbeat: NDJSON_FEED.heartbeat,
      encode: (records) => encodeRecords(records).values(),
      encodeError,
      isLast,
    },
    heartbeatMs: heartbeatMsOf(limits),
    expiresInMs: expiryOf(identity, nowMs),
    onFault: faultLog(c),
  });
  c.req.raw.signal.addEventListener("abort", () => stream.stop(), { once: true });
  return toResponse(stream.body, headers);
}

function toResponse(body: ReadableStream, headers: Readonly<Record<string, string>>): Response {
  return new Response(body, { headers: { ...HEADERS, ...headers } });
}

function expiryOf(identity: Identity, nowMs: number): number | undefined {
  return identity.kind === "user" && identity.expiresAtMs !== undefined
    ? identity.expiresAtMs - nowMs
    : undefined;
}

function faultLog(c: EdgeContext): (error: EverywireError) => void {
  const { requestId } = c.env;
  return (error) => console.error(requestId, error.cause ?? error);
}
