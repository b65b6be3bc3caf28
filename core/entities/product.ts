import * as z from "zod";
import { idField, lineField, moneyField, timestampField } from "./fields.ts";

const MAX_STOCK = 1_000_000_000;

export const productInputSchema = z.object({
  name: lineField(200),
  category: lineField(100),
  price: moneyField,
  stock: z.int().min(0).max(MAX_STOCK).default(0),
});

export const productSchema = z.object({
  id: idField,
  name: z.string(),
  category: z.string(),
  price: z.number(),
  stock: z.int(),
  createdAt: timestampField,
});

export type ProductInput = z.output<typeof productInputSchema>;
export type Product = z.infer<typeof productSchema>;
