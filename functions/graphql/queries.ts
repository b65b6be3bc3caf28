import type { CollectionName } from "../../core/entities/collections.ts";
import { getOrder, listOrders } from "../../core/operations/manage-orders.ts";
import { getPost, listPosts } from "../../core/operations/manage-posts.ts";
import { getProduct, listProducts } from "../../core/operations/manage-products.ts";
import { getUser, listUsers } from "../../core/operations/manage-users.ts";
import type { ListQuery, RecordPage, Stored } from "../../core/records.ts";
import { parseListQuery } from "../boundary/list-query.ts";
import type { GraphqlContext } from "./context.ts";

type ListArguments = Readonly<Record<string, string | number | null | undefined>>;
interface IdArguments {
  readonly id: string;
}

/** What lists call differently here, where names are in camel case. */
const PARAMETER_NAMES: Readonly<Record<string, string>> = { minPrice: "min_price", maxPrice: "max_price" };

export const Query = {
  users: async (_: unknown, args: ListArguments, { operation }: GraphqlContext) =>
    toValues(await listUsers(operation, toListQuery("users", args))),
  user: async (_: unknown, { id }: IdArguments, { operation }: GraphqlContext) =>
    toValue(await getUser(operation, id)),
  posts: async (_: unknown, args: ListArguments, { operation }: GraphqlContext) =>
    toValues(await listPosts(operation, toListQuery("posts", args))),
  post: async (_: unknown, { id }: IdArguments, { operation }: GraphqlContext) =>
    toValue(await getPost(operation, id)),
  products: async (_: unknown, args: ListArguments, { operation }: GraphqlContext) =>
    toValues(await listProducts(operation, toListQuery("products", args))),
  product: async (_: unknown, { id }: IdArguments, { operation }: GraphqlContext) =>
    toValue(await getProduct(operation, id)),
  orders: async (_: unknown, args: ListArguments, { operation }: GraphqlContext) =>
    toValues(await listOrders(operation, toListQuery("orders", args))),
  order: async (_: unknown, { id }: IdArguments, { operation }: GraphqlContext) =>
    toValue(await getOrder(operation, { id })),
};

/** The same parameters as a list over REST has, checked by the same code. @throws EverywireError `invalid_argument` */
function toListQuery(collection: CollectionName, args: ListArguments): ListQuery {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(args)) {
    if (value !== null && value !== undefined) parameters.set(PARAMETER_NAMES[name] ?? name, String(value));
  }
  return parseListQuery(collection, parameters, { hasCursor: false });
}

function toValues<T>(page: RecordPage<T>): T[] {
  return page.records.map(toValue);
}

function toValue<T>(stored: Stored<T>): T {
  return stored.value;
}
