import type { Order, OrderItem, OrderItemInput } from "../entities/order.ts";
import type { Product } from "../entities/product.ts";
import { EverywireError } from "../error.ts";
import { orderJobs } from "../order-steps.ts";
import type { QueuedJob } from "../queue.ts";
import type { OutboxEvent, PlaceOrderRequest } from "../records.ts";
import type { EventContext } from "./record-events.ts";
import { toRecordEvent } from "./record-events.ts";

const FIRST_VERSION = 1;

/** What placing an order changes, all of it together or nothing. */
export interface FulfilledOrder {
  readonly order: Order;
  /** The products with their new stock. */
  readonly products: readonly Product[];
  readonly events: readonly OutboxEvent[];
  /** What the order's way begins with. */
  readonly jobs: readonly QueuedJob[];
}

/**
 * Decides an order: pure, so that every store runs the same rule inside its own transaction.
 *
 * @param products what the store found for the items' product ids
 * @throws EverywireError `validation_failed` for a product that does not exist, `already_exists` (the one code that
 *   is 409) for too little stock; both with the fields in `details`
 */
export function fulfilOrder(
  context: EventContext,
  request: Omit<PlaceOrderRequest, "idempotency">,
  products: ReadonlyMap<string, Product>,
): FulfilledOrder {
  const wanted = sumQuantities(request.items);
  assertKnown(request.items, products);
  assertInStock(request.items, wanted, products);
  const items: OrderItem[] = [];
  const changed: Product[] = [];
  let cents = 0;
  for (const [productId, quantity] of wanted) {
    const product = products.get(productId);
    if (product === undefined) continue;
    items.push({ productId, name: product.name, quantity, price: product.price });
    changed.push({ ...product, stock: product.stock - quantity });
    // Cents are whole numbers, and whole numbers add up exactly.
    cents += Math.round(product.price * 100) * quantity;
  }
  const order: Order = {
    id: request.orderId,
    userId: request.userId,
    items,
    total: cents / 100,
    status: "pending",
    createdAt: new Date(request.nowMs).toISOString(),
  };
  const events = [
    toRecordEvent(context, "orders", "created", order),
    ...changed.map((product) => toRecordEvent(context, "products", "updated", product)),
  ];
  return { order, products: changed, events, jobs: orderJobs(context.limits, order, FIRST_VERSION) };
}

/** One line for each product, however often it is listed. */
function sumQuantities(items: readonly OrderItemInput[]): ReadonlyMap<string, number> {
  const wanted = new Map<string, number>();
  for (const { productId, quantity } of items) wanted.set(productId, (wanted.get(productId) ?? 0) + quantity);
  return wanted;
}

function assertKnown(items: readonly OrderItemInput[], products: ReadonlyMap<string, Product>): void {
  const details: Record<string, string[]> = {};
  items.forEach(({ productId }, index) => {
    if (!products.has(productId)) details[`items.${index}.productId`] = ["There is no such product"];
  });
  if (Object.keys(details).length === 0) return;
  throw new EverywireError("validation_failed", "Some products do not exist; see details.", { details });
}

function assertInStock(
  items: readonly OrderItemInput[],
  wanted: ReadonlyMap<string, number>,
  products: ReadonlyMap<string, Product>,
): void {
  const details: Record<string, string[]> = {};
  items.forEach(({ productId }, index) => {
    const stock = products.get(productId)?.stock ?? 0;
    if ((wanted.get(productId) ?? 0) > stock) details[`items.${index}.quantity`] = [`Only ${stock} in stock`];
  });
  if (Object.keys(details).length === 0) return;
  throw new EverywireError("already_exists", "Not enough stock; see details.", { details });
}
