import { collectionRules } from "../../core/entities/collections.ts";
import type { User } from "../../core/entities/user.ts";
import { EverywireError } from "../../core/error.ts";
import type { Filter } from "../../core/records.ts";
import type { Address, StreamUsersRequest } from "../../proto/gen/everywire/v1/user_service_pb.ts";

/** What narrows a list; a field that is empty does not. */
export function decodeUserFilters(request: Pick<StreamUsersRequest, "name" | "email" | "tag">): Filter[] {
  const { filters } = collectionRules("users");
  return (["name", "email", "tag"] as const).flatMap((name) => {
    const rule = filters[name];
    return rule === undefined || request[name] === "" ? [] : [{ ...rule, value: request[name] }];
  });
}

/** Whether the newest come first (AIP-132). @throws EverywireError `invalid_argument` */
export function decodeUserOrder(orderBy: string): boolean {
  const words = orderBy.trim().split(/\s+/).join(" ");
  if (words === "" || words === "created_at" || words === "created_at asc") return false;
  if (words === "created_at desc") return true;
  throw new EverywireError("invalid_argument", "'order_by' is 'created_at' or 'created_at desc'.");
}

/** The fields that are set, and nothing else of the message. */
export function decodeAddress(address: Address | undefined): User["address"] {
  if (address === undefined) return undefined;
  const { street, city, country, postalCode } = address;
  return { street, city, country, postalCode };
}
