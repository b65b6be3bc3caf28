import type { User as StoredUser } from "../../core/entities/user.ts";
import { EverywireError } from "../../core/error.ts";
import type { User } from "../../proto/gen/everywire/v1/user_service_pb.ts";
import { decodeAddress } from "./user-query.ts";

/** What a change makes of a user, not yet validated. */
export interface UserDraft {
  readonly name: string;
  readonly email: string;
  readonly address: StoredUser["address"];
  readonly tags: readonly string[];
}

type Step = (draft: UserDraft, from: User) => UserDraft;

const ADDRESS_FIELDS = {
  street: "street",
  city: "city",
  country: "country",
  postal_code: "postalCode",
} as const;

const STEPS: ReadonlyMap<string, Step> = new Map<string, Step>([
  ["name", (draft, { name }) => ({ ...draft, name })],
  ["email", (draft, { email }) => ({ ...draft, email })],
  ["tags", (draft, { tags }) => ({ ...draft, tags })],
  ["address", (draft, { address }) => ({ ...draft, address: decodeAddress(address) })],
  ...Object.entries(ADDRESS_FIELDS).map(([path, field]): [string, Step] => [
    `address.${path}`,
    (draft, { address }) => ({ ...draft, address: { ...draft.address, [field]: address?.[field] } }),
  ]),
]);

const WHOLE = ["name", "email", "address", "tags"] as const;

/**
 * The change that a field mask describes (AIP-134): each path is taken over from `from`, and cleared where it is not
 * set there. Without a mask, the fields that are set are taken.
 *
 * @throws EverywireError `invalid_argument` with the paths that cannot be changed
 */
export function toUserChange(
  from: User,
  mask: readonly string[] | undefined,
): (current: StoredUser) => UserDraft {
  const paths = mask === undefined || mask.length === 0 ? listSetFields(from) : mask.flatMap(expand);
  const unknown = paths.filter((path) => !STEPS.has(path)).slice(0, 10);
  if (unknown.length > 0) {
    const details = { update_mask: unknown.map((path) => `'${path.slice(0, 64)}' cannot be changed`) };
    throw new EverywireError(
      "invalid_argument",
      `'update_mask' has paths of ${[...STEPS.keys()].join(", ")}.`,
      { details },
    );
  }
  return ({ name, email, address, tags }) =>
    paths.reduce<UserDraft>((draft, path) => STEPS.get(path)?.(draft, from) ?? draft, {
      name,
      email,
      address,
      tags,
    });
}

function expand(path: string): readonly string[] {
  return path === "*" ? WHOLE : [path];
}

function listSetFields({ name, email, address, tags }: User): readonly string[] {
  return [
    ...(name === "" ? [] : ["name"]),
    ...(email === "" ? [] : ["email"]),
    ...(address === undefined ? [] : ["address"]),
    ...(tags.length === 0 ? [] : ["tags"]),
  ];
}
