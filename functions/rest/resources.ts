import { orderChangeSchema, orderInputSchema, orderSchema } from "../../core/entities/order.ts";
import { commentInputSchema, commentSchema, postInputSchema, postSchema } from "../../core/entities/post.ts";
import { productInputSchema, productSchema } from "../../core/entities/product.ts";
import * as comments from "../../core/operations/manage-comments.ts";
import * as orders from "../../core/operations/manage-orders.ts";
import * as posts from "../../core/operations/manage-posts.ts";
import * as products from "../../core/operations/manage-products.ts";
import * as users from "../../core/operations/manage-users.ts";
import { defineResource } from "./handler.ts";
import type { PathParameters } from "./resource.ts";
import { toUserView, userBodySchema, userViewSchema } from "./user-versions.ts";

const OUT_OF_STOCK = "There is not enough stock";
const EMAIL_TAKEN = "The email is in use";

/** Everything below `/api` (CONTRACT §3). */
export const RESOURCES = [
  defineResource({
    collection: "users",
    singular: "user",
    path: "/users",
    itemParameter: "id",
    operationNoun: "User",
    hasCursor: false,
    conflict: { create: EMAIL_TAKEN, change: EMAIL_TAKEN },
    rules: { read: "any signed-in user", create: "admins", change: "that user and admins" },
    viewSchema: userViewSchema,
    createSchema: userBodySchema,
    changeSchema: userBodySchema,
    toView: toUserView,
    list: (context, _, query) => users.listUsers(context, query),
    get: (context, path) => users.getUser(context, idOf(path)),
    create: (context, _, input, claim) => users.createUser(context, input, claim),
    update: (context, path, change, precondition) =>
      users.updateUser(context, idOf(path), change, precondition),
    remove: (context, path, precondition) => users.deleteUser(context, idOf(path), precondition),
  }),
  defineResource({
    collection: "orders",
    singular: "order",
    path: "/users/:id/orders",
    itemParameter: "orderId",
    operationNoun: "UserOrder",
    hasCursor: false,
    conflict: { create: OUT_OF_STOCK },
    rules: { read: "that user and admins", create: "that user and admins", change: "admins" },
    viewSchema: () => orderSchema,
    createSchema: () => orderInputSchema.omit({ userId: true }),
    changeSchema: () => orderChangeSchema,
    toView: (order) => order,
    list: (context, path, query) => orders.listUserOrders(context, idOf(path), query),
    get: (context, path) => orders.getOrder(context, userOrderOf(path)),
    create: (context, path, input, claim) => orders.createUserOrder(context, idOf(path), input, claim),
    update: (context, path, change, precondition) =>
      orders.updateOrder(context, userOrderOf(path), change, precondition),
    remove: (context, path, precondition) => orders.deleteOrder(context, userOrderOf(path), precondition),
  }),
  defineResource({
    collection: "products",
    singular: "product",
    path: "/products",
    itemParameter: "id",
    operationNoun: "Product",
    hasCursor: false,
    conflict: {},
    rules: { read: "any signed-in user", create: "admins", change: "admins" },
    viewSchema: () => productSchema,
    createSchema: () => productInputSchema,
    changeSchema: () => productInputSchema,
    toView: (product) => product,
    list: (context, _, query) => products.listProducts(context, query),
    get: (context, path) => products.getProduct(context, idOf(path)),
    create: (context, _, input, claim) => products.createProduct(context, input, claim),
    update: (context, path, change, precondition) =>
      products.updateProduct(context, idOf(path), change, precondition),
    remove: (context, path, precondition) => products.deleteProduct(context, idOf(path), precondition),
  }),
  defineResource({
    collection: "posts",
    singular: "post",
    path: "/posts",
    itemParameter: "id",
    operationNoun: "Post",
    hasCursor: true,
    conflict: {},
    rules: {
      read: "any signed-in user",
      create: "any signed-in user in their own name, admins in anybody's",
      change: "the author and admins",
    },
    viewSchema: () => postSchema,
    createSchema: () => postInputSchema,
    changeSchema: () => postInputSchema,
    toView: (post) => post,
    list: (context, _, query) => posts.listPosts(context, query),
    get: (context, path) => posts.getPost(context, idOf(path)),
    create: (context, _, input, claim) => posts.createPost(context, input, claim),
    update: (context, path, change, precondition) =>
      posts.updatePost(context, idOf(path), change, precondition),
    remove: (context, path, precondition) => posts.deletePost(context, idOf(path), precondition),
  }),
  defineResource({
    collection: "comments",
    singular: "comment",
    path: "/posts/:postId/comments",
    itemParameter: "id",
    operationNoun: "Comment",
    hasCursor: true,
    conflict: {},
    rules: {
      read: "any signed-in user",
      create: "any signed-in user in their own name, admins in anybody's",
      change: "the author and admins",
    },
    viewSchema: () => commentSchema,
    createSchema: () => commentInputSchema,
    changeSchema: () => commentInputSchema,
    toView: (comment) => comment,
    list: (context, path, query) => comments.listComments(context, postIdOf(path), query),
    get: (context, path) => comments.getComment(context, commentOf(path)),
    create: (context, path, input, claim) => comments.addComment(context, postIdOf(path), input, claim),
    update: (context, path, change, precondition) =>
      comments.updateComment(context, commentOf(path), change, precondition),
    remove: (context, path, precondition) => comments.deleteComment(context, commentOf(path), precondition),
  }),
  defineResource({
    collection: "orders",
    singular: "order",
    path: "/orders",
    itemParameter: "id",
    operationNoun: "Order",
    hasCursor: false,
    conflict: { create: OUT_OF_STOCK },
    rules: {
      read: "the owner and admins; a list has one's own, and for admins all",
      create: "any signed-in user for themselves, admins for anybody",
      change: "admins",
    },
    viewSchema: () => orderSchema,
    createSchema: () => orderInputSchema,
    changeSchema: () => orderChangeSchema,
    toView: (order) => order,
    list: (context, _, query) => orders.listOrders(context, query),
    get: (context, path) => orders.getOrder(context, { id: idOf(path) }),
    create: (context, _, input, claim) => orders.createOrder(context, input, claim),
    update: (context, path, change, precondition) =>
      orders.updateOrder(context, { id: idOf(path) }, change, precondition),
    remove: (context, path, precondition) => orders.deleteOrder(context, { id: idOf(path) }, precondition),
  }),
] as const;

function idOf(path: PathParameters): string {
  return path.id ?? "";
}

function postIdOf(path: PathParameters): string {
  return path.postId ?? "";
}

function commentOf(path: PathParameters): comments.CommentKey {
  return { postId: postIdOf(path), id: idOf(path) };
}

function userOrderOf(path: PathParameters): orders.OrderKey {
  return { userId: idOf(path), id: path.orderId ?? "" };
}
