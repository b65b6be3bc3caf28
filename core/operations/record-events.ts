import type { ChannelName } from "../channel-name.ts";
import { parseChannelName } from "../channel-name.ts";
import type { CollectionName, Entities } from "../entities/collections.ts";
import type { Order, OrderStatus } from "../entities/order.ts";
import type { Json } from "../event.ts";
import { createId } from "../ids.ts";
import type { Limits } from "../limits.ts";
import type { FileInfo, OutboxEvent } from "../records.ts";
import { attempt } from "../result.ts";
import { toEncodedEvent } from "./publish-event.ts";

/** When an event is made, and how large it may be. */
export interface EventContext {
  readonly nowMs: number;
  readonly limits: Limits;
}

export const USERS_CHANNEL = parseChannelName("users");
export const POSTS_CHANNEL = parseChannelName("posts");
export const PRODUCTS_CHANNEL = parseChannelName("products");
/** No event is on it; it stands for all orders where a token lists the channels that it may use. */
export const ORDERS_CHANNEL = parseChannelName("orders");

type Change = "created" | "updated" | "deleted";

const SINGULAR = {
  users: "user",
  posts: "post",
  comments: "comment",
  products: "product",
  orders: "order",
} as const satisfies Record<CollectionName, string>;

/**
 * The event that says what happened to a record, on the channel where its followers wait: `user.created` on `users`,
 * `comment.created` on `posts/{postId}/comments`, `order.created` on `orders/{id}`, and so on. Its data are the record;
 * of a deleted one, its id.
 *
 * @throws EverywireError `payload_too_large` where the record does not fit into an event
 */
export function toRecordEvent<C extends CollectionName>(
  context: EventContext,
  collection: C,
  change: Change,
  value: Entities[C],
): OutboxEvent {
  const data: Json = change === "deleted" ? { id: value.id } : (value as unknown as Json);
  return toOutboxEvent(context, {
    channel: recordChannel(collection, value),
    type: `${SINGULAR[collection]}.${change}`,
    source: `/api/v1/${collection}`,
    data,
  });
}

/**
 * What is told of an order's new status: `order.status_changed` with `{orderId, status}` to those who follow the order
 * (CONTRACT §3), and a `notification` to its owner's inbox (CONTRACT §5).
 */
export function toStatusEvents(context: EventContext, order: Order): readonly OutboxEvent[] {
  const data = { orderId: order.id, status: order.status };
  const changed = toOutboxEvent(context, {
    channel: orderChannel(order.id),
    type: "order.status_changed",
    source: "/api/v1/orders",
    data,
  });
  const inbox = inboxChannel(order.userId);
  if (inbox === undefined) return [changed];
  const title = `Your order ${STATUS_TEXT[order.status]}`;
  const notification = toOutboxEvent(context, {
    channel: inbox,
    type: "notification",
    source: "/api/v1/orders",
    data: { title, data },
  });
  return [changed, notification];
}

const STATUS_TEXT: Record<OrderStatus, string> = {
  pending: "is waiting",
  processing: "is being prepared",
  shipped: "was shipped",
  delivered: "was delivered",
  cancelled: "was cancelled",
};

/** Undefined for a user whose id cannot stand in a channel's name, and who therefore has no inbox. */
function inboxChannel(userId: string): ChannelName | undefined {
  const result = attempt(() => parseChannelName(`users/${userId}/inbox`));
  return result.ok && !userId.includes("/") ? result.value : undefined;
}

/** `user.avatar_changed` with what is known of the file. */
export function toAvatarEvent(context: EventContext, userId: string, info: FileInfo): OutboxEvent {
  const { contentType, sizeBytes, sha256 } = info;
  return toOutboxEvent(context, {
    channel: USERS_CHANNEL,
    type: "user.avatar_changed",
    source: "/api/v1/users",
    data: { userId, contentType, size: sizeBytes, sha256 },
  });
}

/** The channel on which a record's events are, which also says who may see it (see `resource-policy.ts`). */
function recordChannel<C extends CollectionName>(collection: C, value: Entities[C]): ChannelName {
  switch (collection) {
    case "users":
      return USERS_CHANNEL;
    case "posts":
      return POSTS_CHANNEL;
    case "products":
      return PRODUCTS_CHANNEL;
    case "comments":
      return commentsChannel((value as Entities["comments"]).postId);
    case "orders":
      return orderChannel(value.id);
    default:
      return assertNever(collection);
  }
}

export function commentsChannel(postId: string): ChannelName {
  return parseChannelName(`posts/${postId}/comments`);
}

export function orderChannel(orderId: string): ChannelName {
  return parseChannelName(`orders/${orderId}`);
}

interface EventParts {
  readonly channel: ChannelName;
  readonly type: string;
  readonly source: string;
  readonly data: Json;
}

function toOutboxEvent(context: EventContext, parts: EventParts): OutboxEvent {
  const event = {
    id: createId("evt", context.nowMs),
    source: parts.source,
    type: parts.type,
    time: new Date(context.nowMs).toISOString(),
    datacontenttype: "application/json",
    data: parts.data,
    extensions: {},
    // The outbox may deliver twice after a crash; with an id of its own the second time is a duplicate.
    hasOwnId: true,
  };
  return { channel: parts.channel, ...toEncodedEvent(event, parts.channel, context.limits) };
}

function assertNever(value: never): never {
  throw new Error(`Unknown collection ${String(value)}`);
}
