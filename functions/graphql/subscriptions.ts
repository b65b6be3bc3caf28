import type { ChannelName } from "../../core/channel-name.ts";
import { parseChannelName } from "../../core/channel-name.ts";
import { parseAfter } from "../../core/cursor.ts";
import type { Post } from "../../core/entities/post.ts";
import { EverywireError } from "../../core/error.ts";
import type { CloudEvent } from "../../core/event.ts";
import { subscribeToEvents } from "../../core/operations/read-events.ts";
import { orderChannel, POSTS_CHANNEL } from "../../core/operations/record-events.ts";
import type { FeedRecord } from "../../core/ports.ts";
import type { GraphqlContext } from "./context.ts";
import type { FeedItem } from "./feed-source.ts";
import { FeedSource } from "./feed-source.ts";

interface EventsArguments {
  readonly channel: string;
  readonly after?: string | null;
}

interface PostAddedArguments {
  readonly authorId?: string | null;
  readonly after?: string | null;
}

interface OrderStatusArguments {
  readonly orderId: string;
  readonly after?: string | null;
}

/** `orderStatus`, as the schema has it. */
interface OrderStatusChange {
  readonly orderId: string;
  readonly status: string;
  readonly time: string;
  readonly sequence: string;
}

export const Subscription = {
  events: {
    subscribe: (_: unknown, { channel, after }: EventsArguments, context: GraphqlContext) =>
      openFeed(context, parseChannelName(channel), after, toEvent),
    resolve: unwrap<CloudEvent>,
  },
  postAdded: {
    subscribe: (_: unknown, { authorId, after }: PostAddedArguments, context: GraphqlContext) =>
      openFeed(context, POSTS_CHANNEL, after, (record) => toPost(record, authorId ?? undefined)),
    resolve: unwrap<Post>,
  },
  orderStatus: {
    subscribe: (_: unknown, { orderId, after }: OrderStatusArguments, context: GraphqlContext) =>
      openFeed(context, orderChannel(orderId), after, (record) => toOrderStatus(record, orderId)),
    resolve: unwrap<OrderStatusChange>,
  },
};

/** Subscribes before it returns, so that a refusal is an answer, and nothing is missed from then on. */
async function openFeed<T>(
  { operation }: GraphqlContext,
  channel: ChannelName,
  after: string | null | undefined,
  toItem: (record: FeedRecord) => FeedItem<T> | undefined,
): Promise<FeedSource<T>> {
  const { identity, nowMs } = operation;
  const subscription = await subscribeToEvents(operation, channel, parseAfter(after));
  const endsAtMs = identity.kind === "user" ? identity.expiresAtMs : undefined;
  const expiresInMs = endsAtMs === undefined ? undefined : endsAtMs - nowMs;
  return new FeedSource({ subscription, toItem, expiresInMs });
}

function unwrap<T>(item: FeedItem<T>): T {
  if (item.kind === "failure") throw item.error;
  return item.item;
}

function toEvent(record: FeedRecord): FeedItem<CloudEvent> | undefined {
  if (record.kind === "position") return undefined;
  return { kind: "item", item: JSON.parse(record.json) as CloudEvent };
}

/** The post is in the event, as it was when it was created: nothing has to be read for it. */
function toPost(record: FeedRecord, authorId: string | undefined) {
  if (record.kind === "gap") return toGapFailure(record.json);
  if (record.kind !== "event" || record.type !== "post.created") return undefined;
  const post = (JSON.parse(record.json) as { data: Post }).data;
  if (authorId !== undefined && post.authorId !== authorId) return undefined;
  return { kind: "item", item: { ...post, sequence: record.cursor } } as const;
}

function toOrderStatus(record: FeedRecord, orderId: string): FeedItem<OrderStatusChange> | undefined {
  if (record.kind === "gap") return toGapFailure(record.json);
  if (record.kind !== "event") return undefined;
  if (record.type !== "order.created" && record.type !== "order.status_changed") return undefined;
  const event = JSON.parse(record.json) as { time: string; data: { status: string } };
  const { time, data } = event;
  return { kind: "item", item: { orderId, status: data.status, time, sequence: record.cursor } };
}

/** A gap on a field that has no form for one: an error with `requested` and `resumedAt`, after which it goes on. */
function toGapFailure(json: string): FeedItem<never> {
  const { requested, resumedAt } = (JSON.parse(json) as { data: { requested: string; resumedAt: string } })
    .data;
  const error = new EverywireError(
    "gone",
    "everywire.gap: what follows your cursor is no longer kept; reading goes on.",
    {
      details: { requested: [requested], resumedAt: [resumedAt] },
    },
  );
  return { kind: "failure", error };
}
