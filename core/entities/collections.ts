import type { Order } from "./order.ts";
import type { Comment, Post } from "./post.ts";
import type { Product } from "./product.ts";
import type { User } from "./user.ts";

/** What is stored, by collection. */
export interface Entities {
  readonly users: User;
  readonly posts: Post;
  readonly comments: Comment;
  readonly products: Product;
  readonly orders: Order;
}

export type CollectionName = keyof Entities;

/**
 * How a list can be narrowed by a field:
 * `equals` the same text, `same-email` the same whatever the case, `contains` a list has it, `at-least` and `at-most`
 * bounds on a number.
 */
export type Comparison = "equals" | "same-email" | "contains" | "at-least" | "at-most";

/** One query parameter that narrows a list. */
export interface FilterRule {
  readonly field: string;
  readonly comparison: Comparison;
}

/** What a store must know of a collection. */
export interface CollectionRules {
  /** Query parameter -> what it compares. No field can be asked for that is not here. */
  readonly filters: Readonly<Record<string, FilterRule>>;
  /** Fields that a list can be sorted by, and how they compare. */
  readonly sorts: Readonly<Record<string, "text" | "number">>;
  /** Records that go with a record of this collection when it is deleted: those whose `field` is its id. */
  readonly dependents?: { readonly collection: CollectionName; readonly field: string };
}

const COLLECTIONS = {
  users: {
    filters: {
      name: { field: "name", comparison: "equals" },
      email: { field: "email", comparison: "same-email" },
      tag: { field: "tags", comparison: "contains" },
    },
    sorts: { name: "text", email: "text", createdAt: "text" },
  },
  posts: {
    filters: {
      authorId: { field: "authorId", comparison: "equals" },
      title: { field: "title", comparison: "equals" },
    },
    sorts: { title: "text", authorId: "text", createdAt: "text" },
    dependents: { collection: "comments", field: "postId" },
  },
  comments: {
    filters: {
      authorId: { field: "authorId", comparison: "equals" },
      postId: { field: "postId", comparison: "equals" },
    },
    sorts: { createdAt: "text", authorId: "text" },
  },
  products: {
    filters: {
      category: { field: "category", comparison: "equals" },
      name: { field: "name", comparison: "equals" },
      min_price: { field: "price", comparison: "at-least" },
      max_price: { field: "price", comparison: "at-most" },
    },
    sorts: { name: "text", category: "text", price: "number", stock: "number", createdAt: "text" },
  },
  orders: {
    filters: {
      status: { field: "status", comparison: "equals" },
      userId: { field: "userId", comparison: "equals" },
    },
    sorts: { createdAt: "text", total: "number", status: "text" },
  },
} as const satisfies Record<CollectionName, CollectionRules>;

/** The rules of a collection, with their general type. */
export function collectionRules(collection: CollectionName): CollectionRules {
  return COLLECTIONS[collection];
}
