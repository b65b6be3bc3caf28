import type { OperationContext } from "../context.ts";
import type { Product, ProductInput } from "../entities/product.ts";
import { createId } from "../ids.ts";
import type { IdempotencyClaim, Inserted, ListQuery, RecordPage, Stored } from "../records.ts";
import { assertMay } from "../resource-policy.ts";
import type { Change, Precondition } from "./change-record.ts";
import { changeRecord, found, removeRecord } from "./change-record.ts";
import { PRODUCTS_CHANNEL, toRecordEvent } from "./record-events.ts";

/** @throws EverywireError `unauthenticated`, `permission_denied`, `not_found` */
export async function getProduct(context: OperationContext, id: string): Promise<Stored<Product>> {
  assertMayRead(context);
  return found("products", id, await context.ports.records.get("products", id));
}

/** @throws EverywireError `unauthenticated`, `permission_denied` */
export async function listProducts(
  context: OperationContext,
  query: ListQuery,
): Promise<RecordPage<Product>> {
  assertMayRead(context);
  return context.ports.records.list("products", query);
}

/** Creates a product; for admins. @throws EverywireError `permission_denied` */
export async function createProduct(
  context: OperationContext,
  input: ProductInput,
  idempotency?: IdempotencyClaim,
): Promise<Inserted<Product>> {
  assertMayWrite(context);
  const createdAt = new Date(context.nowMs).toISOString();
  const value = toProduct(input, { id: createId("prd", context.nowMs), createdAt });
  const events = [toRecordEvent(context, "products", "created", value)];
  return context.ports.records.insert({ collection: "products", value, events, idempotency });
}

/** Changes a product; for admins. @throws EverywireError as `changeRecord` does */
export async function updateProduct(
  context: OperationContext,
  id: string,
  change: Change<Product, ProductInput>,
  precondition?: Precondition,
): Promise<Stored<Product>> {
  return changeRecord(context, "products", id, {
    precondition,
    authorise: () => assertMayWrite(context),
    next: (product) => toProduct(change(product), product),
    events: (product) => [toRecordEvent(context, "products", "updated", product)],
  });
}

/** Deletes a product; orders keep its name and price. For admins. */
export async function deleteProduct(
  context: OperationContext,
  id: string,
  precondition?: Precondition,
): Promise<void> {
  await removeRecord(context, "products", id, {
    precondition,
    authorise: () => assertMayWrite(context),
    events: (product) => [toRecordEvent(context, "products", "deleted", product)],
  });
}

function toProduct(input: ProductInput, kept: Pick<Product, "id" | "createdAt">): Product {
  const { name, category, price, stock } = input;
  return { id: kept.id, name, category, price, stock, createdAt: kept.createdAt };
}

function assertMayRead(context: OperationContext): void {
  assertMay(context, { action: "read", channel: PRODUCTS_CHANNEL, who: "anybody" });
}

function assertMayWrite(context: OperationContext): void {
  assertMay(context, { action: "write", channel: PRODUCTS_CHANNEL, who: "admins" });
}
