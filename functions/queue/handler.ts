import type { ChannelName } from "../../core/channel-name.ts";
import { EverywireError } from "../../core/error.ts";
import { toDefaultSource } from "../../core/identity.ts";
import { enqueueEvent } from "../../core/operations/enqueue-event.ts";
import { describeGroup, parseGroupName } from "../../core/operations/lease-messages.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { MethodNotAllowed } from "../boundary/methods.ts";
import { pathOf, queryOf } from "../boundary/request-target.ts";
import { decodeEnqueue } from "./decode.ts";
import { encodeEnqueued, encodeGroup } from "./encode.ts";
import type { LeaseAction } from "./leases.ts";
import { handleLeaseAction, isLeaseAction } from "./leases.ts";

const PREFIX = "/queue/";
/** First segments that are this door's own. A channel that begins with one is reached through every other door. */
const RESERVED: ReadonlySet<string> = new Set(["deliveries", "dead-letters", "messages", "queues"]);

/** `POST /queue/{channel}`, and `/lease`, `/ack`, `/nack`, `/extend` below a channel. */
export async function handlePost(c: EdgeContext): Promise<Response> {
  const { channel, action } = targetOf(c);
  if (action !== undefined) return handleLeaseAction(c, channel, action);
  const context = toOperationContext(c);
  const { event, options } = await decodeEnqueue(c.req.raw, {
    source: toDefaultSource(context.identity),
    nowMs: context.nowMs,
    maxBytes: context.limits.MAX_REQUEST_BYTES,
  });
  return encodeEnqueued(await enqueueEvent(context, channel, event, options));
}

/** `GET /queue/{channel}?group=`: where a group of consumers stands. */
export async function handleGet(c: EdgeContext): Promise<Response> {
  const { channel, action } = targetOf(c);
  if (action !== undefined) throw new MethodNotAllowed(c.req.method, "POST, OPTIONS");
  const group = parseGroupName(queryOf(c.req.raw.url).get("group"));
  return encodeGroup(group, await describeGroup(toOperationContext(c), { channel, group }));
}

function targetOf(c: EdgeContext): {
  readonly channel: ChannelName;
  readonly action: LeaseAction | undefined;
} {
  const path = pathOf(c.req.raw.url);
  const end = path.lastIndexOf("/");
  const last = path.slice(end + 1);
  const action = end >= PREFIX.length && isLeaseAction(last) ? last : undefined;
  const channel = channelFromPath(action === undefined ? path : path.slice(0, end), PREFIX);
  const [first = ""] = channel.split("/", 1);
  if (RESERVED.has(first)) {
    throw new EverywireError(
      "invalid_argument",
      `'${first}' is this door's own: reach that channel through another.`,
    );
  }
  return { channel, action };
}
