import type { OperationContext } from "../context.ts";
import type { Order, OrderChange, OrderInput } from "../entities/order.ts";
import { EverywireError } from "../error.ts";
import { isAdmin } from "../identity.ts";
import { createId } from "../ids.ts";
import { orderJobs } from "../order-steps.ts";
import type { IdempotencyClaim, Inserted, ListQuery, RecordPage, Stored } from "../records.ts";
import { assertMay, assertSignedIn } from "../resource-policy.ts";
import type { Change, Precondition } from "./change-record.ts";
import { changeRecord, found, removeRecord } from "./change-record.ts";
import { ORDERS_CHANNEL, orderChannel, toRecordEvent, toStatusEvents } from "./record-events.ts";

/** Which order, and whose it must be where the client came by way of a user (`users/{id}/orders/{orderId}`). */
export interface OrderKey {
  readonly id: string;
  readonly userId?: string | undefined;
}

/** @throws EverywireError `unauthenticated`, `permission_denied`, `not_found` */
export async function getOrder(context: OperationContext, key: OrderKey): Promise<Stored<Order>> {
  assertSignedIn(context.identity);
  await assertUserVisible(context, key.userId);
  const stored = found("orders", key.id, await context.ports.records.get("orders", key.id));
  assertBelongs(stored.value, key);
  assertMay(context, {
    action: "read",
    channel: orderChannel(stored.value.id),
    who: { subject: stored.value.userId },
  });
  return stored;
}

/** All orders for an admin, one's own for anybody else. @throws EverywireError `unauthenticated` */
export async function listOrders(context: OperationContext, query: ListQuery): Promise<RecordPage<Order>> {
  const { identity } = context;
  assertMay(context, { action: "read", channel: ORDERS_CHANNEL, who: "anybody" });
  assertSignedIn(identity);
  return context.ports.records.list("orders", isAdmin(identity) ? query : ofUser(query, identity.subject));
}

/** The orders of one user; for that user and admins. @throws EverywireError `not_found`, `permission_denied` */
export async function listUserOrders(
  context: OperationContext,
  userId: string,
  query: ListQuery,
): Promise<RecordPage<Order>> {
  assertMay(context, { action: "read", channel: ORDERS_CHANNEL, who: { subject: userId } });
  await assertUserVisible(context, userId);
  return context.ports.records.list("orders", ofUser(query, userId));
}

/**
 * Places an order for oneself; admins for anybody. It takes the items out of stock, all or none.
 *
 * @throws EverywireError `already_exists` for too little stock, `validation_failed` for a product or user that does
 *   not exist, `permission_denied`
 */
export async function createOrder(
  context: OperationContext,
  input: OrderInput,
  idempotency?: IdempotencyClaim,
): Promise<Inserted<Order>> {
  assertSignedIn(context.identity);
  const userId = input.userId ?? context.identity.subject;
  assertMay(context, { action: "write", channel: ORDERS_CHANNEL, who: { subject: userId } });
  if (!(await isKnownUser(context, userId))) {
    const details = { userId: ["There is no such user"] };
    throw new EverywireError("validation_failed", "Some fields are not valid; see details.", { details });
  }
  return placeOrder(context, userId, input, idempotency);
}

/** {@link createOrder} by way of a user: `POST /users/{id}/orders`. @throws EverywireError `not_found` */
export async function createUserOrder(
  context: OperationContext,
  userId: string,
  input: OrderInput,
  idempotency?: IdempotencyClaim,
): Promise<Inserted<Order>> {
  assertMay(context, { action: "write", channel: ORDERS_CHANNEL, who: { subject: userId } });
  await assertUserVisible(context, userId);
  return placeOrder(context, userId, input, idempotency);
}

/**
 * Changes the status of an order; for admins. A change is `order.status_changed` on `orders/{id}` and a notification in the
 * owner's inbox, and what follows on that status by itself goes on from there.
 */
export async function updateOrder(
  context: OperationContext,
  key: OrderKey,
  change: Change<Order, OrderChange>,
  precondition?: Precondition,
): Promise<Stored<Order>> {
  return changeRecord(context, "orders", key.id, {
    precondition,
    authorise: (order) => assertMayChange(context, order, key),
    next: (order) => ({ ...order, status: change(order).status }),
    events: (order) => toStatusEvents(context, order),
    jobs: (order, version) => orderJobs(context.limits, order, version),
  });
}

/** Deletes an order; for admins. What it took from stock stays taken. */
export async function deleteOrder(
  context: OperationContext,
  key: OrderKey,
  precondition?: Precondition,
): Promise<void> {
  await removeRecord(context, "orders", key.id, {
    precondition,
    authorise: (order) => assertMayChange(context, order, key),
    events: (order) => [toRecordEvent(context, "orders", "deleted", order)],
  });
}

function placeOrder(
  context: OperationContext,
  userId: string,
  input: OrderInput,
  idempotency: IdempotencyClaim | undefined,
): Promise<Inserted<Order>> {
  const { nowMs } = context;
  const orderId = createId("ord", nowMs);
  return context.ports.records.placeOrder({ orderId, userId, items: input.items, nowMs, idempotency });
}

function ofUser(query: ListQuery, userId: string): ListQuery {
  return { ...query, filters: [...query.filters, { field: "userId", comparison: "equals", value: userId }] };
}

function assertMayChange(context: OperationContext, order: Order, key: OrderKey): void {
  assertBelongs(order, key);
  assertMay(context, { action: "write", channel: orderChannel(order.id), who: "admins" });
}

function assertBelongs(order: Order, key: OrderKey): void {
  if (key.userId !== undefined && order.userId !== key.userId) found("orders", key.id, undefined);
}

/** Refuses a stranger before it says whether the user exists, or names could be tried out. */
async function assertUserVisible(context: OperationContext, userId: string | undefined): Promise<void> {
  if (userId === undefined) return;
  assertMay(context, { action: "read", channel: ORDERS_CHANNEL, who: { subject: userId } });
  if (!(await isKnownUser(context, userId))) found("users", userId, undefined);
}

/** Who holds a token exists, also where nobody made a record of them yet. */
async function isKnownUser(context: OperationContext, userId: string): Promise<boolean> {
  if (context.identity.kind === "user" && context.identity.subject === userId) return true;
  return (await context.ports.records.get("users", userId)) !== undefined;
}
