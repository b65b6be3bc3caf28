import * as z from "zod";
import { idField, timestampField } from "./fields.ts";

export const ORDER_STATUSES = ["pending", "processing", "shipped", "delivered", "cancelled"] as const;
export type OrderStatus = (typeof ORDER_STATUSES)[number];

const MAX_QUANTITY = 10_000;
const MAX_ITEMS = 100;

export const orderItemInputSchema = z.object({
  productId: idField,
  quantity: z.int().min(1).max(MAX_QUANTITY),
});

/** `userId` is the caller unless an admin says otherwise. */
export const orderInputSchema = z.object({
  items: z.array(orderItemInputSchema).min(1).max(MAX_ITEMS),
  userId: idField.optional(),
});

/** What can be changed of an order that was placed: its status. */
export const orderChangeSchema = z.object({ status: z.enum(ORDER_STATUSES) });

/** One line of an order. `name` and `price` are the product's when the order was placed. */
export const orderItemSchema = z.object({
  productId: idField,
  name: z.string(),
  quantity: z.int(),
  price: z.number(),
});

export const orderSchema = z.object({
  id: idField,
  userId: idField,
  items: z.array(orderItemSchema),
  total: z.number(),
  status: z.enum(ORDER_STATUSES),
  createdAt: timestampField,
});

export type OrderInput = z.output<typeof orderInputSchema>;
export type OrderItemInput = z.output<typeof orderItemInputSchema>;
export type OrderChange = z.output<typeof orderChangeSchema>;
export type OrderItem = z.infer<typeof orderItemSchema>;
export type Order = z.infer<typeof orderSchema>;
