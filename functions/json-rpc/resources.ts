import { orderChangeSchema, orderInputSchema, orderSchema } from "../../core/entities/order.ts";
import { commentInputSchema, commentSchema, postInputSchema, postSchema } from "../../core/entities/post.ts";
import { productInputSchema, productSchema } from "../../core/entities/product.ts";
import { userInputSchema, userSchema } from "../../core/entities/user.ts";
import * as comments from "../../core/operations/manage-comments.ts";
import * as orders from "../../core/operations/manage-orders.ts";
import * as posts from "../../core/operations/manage-posts.ts";
import * as products from "../../core/operations/manage-products.ts";
import * as users from "../../core/operations/manage-users.ts";
import type { Method } from "./method.ts";
import type { Keys } from "./resource-methods.ts";
import { resourceMethods } from "./resource-methods.ts";
import type { RpcContext } from "./rpc-context.ts";

/** Every resource of CONTRACT §3, as methods. */
export const RESOURCE_METHODS: readonly Method<RpcContext>[] = [
  ...resourceMethods({
    name: "users",
    collection: "users",
    parents: [],
    hasCursor: false,
    record: userSchema,
    input: userInputSchema,
    change: userInputSchema,
    list: (context, _, query) => users.listUsers(context, query),
    get: (context, keys) => users.getUser(context, keyOf(keys, "id")),
    create: (context, _, input, claim) => users.createUser(context, input, claim),
    update: (context, keys, change, precondition) =>
      users.updateUser(context, keyOf(keys, "id"), change, precondition),
    remove: (context, keys, precondition) => users.deleteUser(context, keyOf(keys, "id"), precondition),
  }),
  ...resourceMethods({
    name: "users.orders",
    collection: "orders",
    parents: ["userId"],
    hasCursor: false,
    record: orderSchema,
    input: orderInputSchema.omit({ userId: true }),
    change: orderChangeSchema,
    list: (context, keys, query) => orders.listUserOrders(context, keyOf(keys, "userId"), query),
    get: (context, keys) => orders.getOrder(context, userOrderOf(keys)),
    create: (context, keys, input, claim) =>
      orders.createUserOrder(context, keyOf(keys, "userId"), input, claim),
    update: (context, keys, change, precondition) =>
      orders.updateOrder(context, userOrderOf(keys), change, precondition),
    remove: (context, keys, precondition) => orders.deleteOrder(context, userOrderOf(keys), precondition),
  }),
  ...resourceMethods({
    name: "products",
    collection: "products",
    parents: [],
    hasCursor: false,
    record: productSchema,
    input: productInputSchema,
    change: productInputSchema,
    list: (context, _, query) => products.listProducts(context, query),
    get: (context, keys) => products.getProduct(context, keyOf(keys, "id")),
    create: (context, _, input, claim) => products.createProduct(context, input, claim),
    update: (context, keys, change, precondition) =>
      products.updateProduct(context, keyOf(keys, "id"), change, precondition),
    remove: (context, keys, precondition) => products.deleteProduct(context, keyOf(keys, "id"), precondition),
  }),
  ...resourceMethods({
    name: "posts",
    collection: "posts",
    parents: [],
    hasCursor: true,
    record: postSchema,
    input: postInputSchema,
    change: postInputSchema,
    list: (context, _, query) => posts.listPosts(context, query),
    get: (context, keys) => posts.getPost(context, keyOf(keys, "id")),
    create: (context, _, input, claim) => posts.createPost(context, input, claim),
    update: (context, keys, change, precondition) =>
      posts.updatePost(context, keyOf(keys, "id"), change, precondition),
    remove: (context, keys, precondition) => posts.deletePost(context, keyOf(keys, "id"), precondition),
  }),
  ...resourceMethods({
    name: "comments",
    collection: "comments",
    parents: ["postId"],
    hasCursor: true,
    record: commentSchema,
    input: commentInputSchema,
    change: commentInputSchema,
    list: (context, keys, query) => comments.listComments(context, keyOf(keys, "postId"), query),
    get: (context, keys) => comments.getComment(context, commentOf(keys)),
    create: (context, keys, input, claim) =>
      comments.addComment(context, keyOf(keys, "postId"), input, claim),
    update: (context, keys, change, precondition) =>
      comments.updateComment(context, commentOf(keys), change, precondition),
    remove: (context, keys, precondition) => comments.deleteComment(context, commentOf(keys), precondition),
  }),
  ...resourceMethods({
    name: "orders",
    collection: "orders",
    parents: [],
    hasCursor: false,
    record: orderSchema,
    input: orderInputSchema,
    change: orderChangeSchema,
    list: (context, _, query) => orders.listOrders(context, query),
    get: (context, keys) => orders.getOrder(context, { id: keyOf(keys, "id") }),
    create: (context, _, input, claim) => orders.createOrder(context, input, claim),
    update: (context, keys, change, precondition) =>
      orders.updateOrder(context, { id: keyOf(keys, "id") }, change, precondition),
    remove: (context, keys, precondition) =>
      orders.deleteOrder(context, { id: keyOf(keys, "id") }, precondition),
  }),
];

function keyOf(keys: Keys, name: string): string {
  return keys[name] ?? "";
}

function commentOf(keys: Keys): comments.CommentKey {
  return { postId: keyOf(keys, "postId"), id: keyOf(keys, "id") };
}

function userOrderOf(keys: Keys): orders.OrderKey {
  return { userId: keyOf(keys, "userId"), id: keyOf(keys, "id") };
}
