import { parseAfter } from "../../core/cursor.ts";
import { EverywireError } from "../../core/error.ts";
import { toDefaultSource } from "../../core/identity.ts";
import { listChannels } from "../../core/operations/list-channels.ts";
import { publishEvents } from "../../core/operations/publish-event.ts";
import { deleteChannel, listPresence, readEvents } from "../../core/operations/read-events.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { MethodNotAllowed } from "../boundary/methods.ts";
import { parseWholeNumber } from "../boundary/query.ts";
import { pathOf, queryOf } from "../boundary/request-target.ts";
import { decodePublication } from "./decode.ts";
import { encodeChannelPage, encodePage, encodeResults, toJsonResponse } from "./encode.ts";

const PREFIX = "/channels/";
const PRESENCE_SUFFIX = "/presence";
const DEFAULT_LISTED_CHANNELS = 100;
const MAX_LISTED_CHANNELS = 1000;
const MAX_PREFIX_LENGTH = 520;

/** `POST /channels/{channel}` */
export async function handlePublish(c: EdgeContext): Promise<Response> {
  const { path, isPresence } = targetOf(c);
  if (isPresence) throw new MethodNotAllowed("POST", "GET, HEAD, OPTIONS");
  const channel = channelFromPath(path, PREFIX);
  const context = toOperationContext(c);
  const { events, isBatch } = await decodePublication(c.req.raw, {
    source: toDefaultSource(context.identity),
    nowMs: context.nowMs,
    maxBytes: context.limits.MAX_REQUEST_BYTES,
  });
  return encodeResults(await publishEvents(context, channel, events), isBatch);
}

/** `GET /channels/{channel}?after=&limit=` and `GET /channels/{channel}/presence` */
export async function handleRead(c: EdgeContext): Promise<Response> {
  const { path, isPresence } = targetOf(c);
  const channel = channelFromPath(path, PREFIX);
  const context = toOperationContext(c);
  if (isPresence) return toJsonResponse(JSON.stringify(await listPresence(context, channel)), 200);
  const query = queryOf(c.req.raw.url);
  const page = await readEvents(context, channel, {
    after: parseAfter(query.get("after")),
    // More than a page holds is not an error: the operation gives a full page, and `upToDate` says that there is more.
    limit: parseWholeNumber(query.get("limit"), "limit", { min: 1, max: Number.MAX_SAFE_INTEGER }),
  });
  return encodePage(channel, page, context.nowMs);
}

/** `DELETE /channels/{channel}` */
export async function handleDelete(c: EdgeContext): Promise<Response> {
  const { path, isPresence } = targetOf(c);
  if (isPresence) throw new MethodNotAllowed("DELETE", "GET, HEAD, OPTIONS");
  await deleteChannel(toOperationContext(c), channelFromPath(path, PREFIX));
  return new Response(null, { status: 204 });
}

/** `GET /channels?prefix=&after=&limit=` */
export async function handleList(c: EdgeContext): Promise<Response> {
  const query = queryOf(c.req.raw.url);
  const page = await listChannels(toOperationContext(c), {
    prefix: parseNamePart(query.get("prefix"), "prefix") ?? "",
    afterName: parseNamePart(query.get("after"), "after"),
    limit:
      parseWholeNumber(query.get("limit"), "limit", { min: 1, max: MAX_LISTED_CHANNELS }) ??
      DEFAULT_LISTED_CHANNELS,
  });
  return encodeChannelPage(page);
}

/** The path of the channel itself; a last segment `presence` below a channel is that channel's members. */
function targetOf(c: EdgeContext): { readonly path: string; readonly isPresence: boolean } {
  const path = pathOf(c.req.raw.url);
  const isPresence = path.endsWith(PRESENCE_SUFFIX) && path.length > PREFIX.length + PRESENCE_SUFFIX.length;
  return { path: isPresence ? path.slice(0, -PRESENCE_SUFFIX.length) : path, isPresence };
}

/** The beginning of a name need not be a whole one, but has only what a name can have. */
function parseNamePart(text: string | null, name: string): string | undefined {
  if (text === null || text === "") return undefined;
  if (text.length <= MAX_PREFIX_LENGTH && /^[A-Za-z0-9._~:@/-]+$/.test(text)) return text;
  throw new EverywireError("invalid_argument", `'${name}' is the beginning of a channel name.`);
}
