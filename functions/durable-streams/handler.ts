import { EverywireError } from "../../core/error.ts";
import {
  appendToStream,
  createStream,
  describeStream,
  readStream,
} from "../../core/operations/manage-streams.ts";
import { deleteChannel } from "../../core/operations/read-events.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import type { Handler } from "../boundary/methods.ts";
import { pathOf, queryOf } from "../boundary/request-target.ts";
import { nextCollapseCursor } from "./collapse-cursor.ts";
import { decodeAppend, decodeCreate, decodeRead, PREFIX } from "./decode.ts";
import {
  encodeAppended,
  encodeConflict,
  encodeCreated,
  encodeDescription,
  encodeNothing,
  encodePage,
} from "./encode.ts";
import { openLive } from "./live.ts";

/** Below the 30 s after which some proxies drop a silent request. */
const LONG_POLL_SECONDS = 20;

/** `PUT /v1/stream/{channel}` */
export const handleCreate = withConflicts(async (c) => {
  const { url } = c.req.raw;
  const context = toOperationContext(c);
  const channel = channelOf(c);
  const request = await decodeCreate(c.req.raw, context.limits.MAX_REQUEST_BYTES);
  return encodeCreated(await createStream(context, channel, request), new URL(pathOf(url), url).href);
});

/** `POST /v1/stream/{channel}` */
export const handleAppend = withConflicts(async (c) => {
  const context = toOperationContext(c);
  const channel = channelOf(c);
  const request = await decodeAppend(c.req.raw, context.limits.MAX_REQUEST_BYTES);
  return encodeAppended(await appendToStream(context, channel, request));
});

/** `GET /v1/stream/{channel}?offset=&live=&cursor=` */
export async function handleRead(c: EdgeContext): Promise<Response> {
  const { url, headers, signal } = c.req.raw;
  const context = toOperationContext(c);
  const channel = channelOf(c);
  const { after, live, collapseCursor, isTail } = decodeRead(queryOf(url), headers);
  const { MAX_PAGE_EVENTS, MAX_POLL_SECONDS } = context.limits;
  const timeoutMs = live === "long-poll" ? Math.min(LONG_POLL_SECONDS, MAX_POLL_SECONDS) * 1000 : 0;
  const page = await readStream(context, channel, { after, limit: MAX_PAGE_EVENTS, timeoutMs });
  if (live === "sse") {
    const { requestId } = c.env;
    const onFault = (error: EverywireError) => console.error(requestId, error.cause ?? error);
    return openLive({ context, channel, first: page, collapseCursor, signal, onFault });
  }
  const options = {
    ifNoneMatch: headers.get("if-none-match"),
    isPublic: context.identity.kind === "anonymous",
    isTail,
    collapseCursor: nextCollapseCursor(collapseCursor, Date.now(), Math.random()),
    nowMs: Date.now(),
  };
  const isNothing = live === "long-poll" && page.events.length === 0 && page.gap === undefined;
  return isNothing ? encodeNothing(page, options) : encodePage(channel, page, options);
}

/** `HEAD /v1/stream/{channel}` */
export async function handleDescribe(c: EdgeContext): Promise<Response> {
  return encodeDescription(await describeStream(toOperationContext(c), channelOf(c)));
}

/** `DELETE /v1/stream/{channel}` */
export async function handleDelete(c: EdgeContext): Promise<Response> {
  await deleteChannel(toOperationContext(c), channelOf(c));
  return new Response(null, { status: 204 });
}

function channelOf(c: EdgeContext) {
  return channelFromPath(pathOf(c.req.raw.url), PREFIX);
}

/** Answers this wire's own conflicts; every other error goes on to the boundary. */
function withConflicts(handle: Handler): Handler {
  return async (c) => {
    try {
      return await handle(c);
    } catch (thrown) {
      const conflict =
        thrown instanceof EverywireError
          ? encodeConflict(thrown, c.req.header("accept"), Date.now())
          : undefined;
      if (conflict === undefined) throw thrown;
      return conflict;
    }
  };
}
