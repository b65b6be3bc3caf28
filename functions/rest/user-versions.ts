import * as z from "zod";
import { lineField, textField } from "../../core/entities/fields.ts";
import type { User, UserInput } from "../../core/entities/user.ts";
import { joinName, userDetailsFields, userInputSchema, userSchema } from "../../core/entities/user.ts";
import type { ApiVersion } from "./versions.ts";

/** How a user looks in each version of the API. */

const userV1Schema = userSchema.omit({ givenName: true, familyName: true });

const userV2Schema = userSchema.omit({ name: true }).extend({
  links: z.object({ self: z.string(), orders: z.string() }),
});

const userInputV2Schema = z
  .object({ givenName: lineField(100), familyName: textField(100).default(""), ...userDetailsFields })
  .transform(({ givenName, familyName, ...details }): UserInput => {
    const nameParts = { givenName, familyName };
    return { ...details, name: joinName(nameParts), nameParts };
  });

export function userViewSchema(version: ApiVersion): z.ZodType {
  return version === 1 ? userV1Schema : userV2Schema;
}

export function userBodySchema(version: ApiVersion): z.ZodType<UserInput> {
  return version === 1 ? userInputSchema : userInputV2Schema;
}

export function toUserView(user: User, version: ApiVersion) {
  const { id, name, givenName, familyName, email, address, tags, createdAt } = user;
  const details = { email, ...(address === undefined ? {} : { address }), tags, createdAt };
  if (version === 1) return { id, name, ...details };
  const self = `/api/v2/users/${id}`;
  return { id, givenName, familyName, ...details, links: { self, orders: `${self}/orders` } };
}
