import * as z from "zod";
import { idField, lineField, textField, timestampField } from "./fields.ts";

const addressSchema = z.object({
  street: textField(200).optional(),
  city: textField(100).optional(),
  country: textField(100).optional(),
  postalCode: textField(20).optional(),
});

/** What every version of the API knows of a user, apart from the name. */
export const userDetailsFields = {
  email: z.email().max(254),
  address: addressSchema.optional(),
  tags: z.array(lineField(64)).max(32).default([]),
};

const MAX_NAME_LENGTH = 200;

export const userInputSchema = z.object({ name: lineField(MAX_NAME_LENGTH), ...userDetailsFields });

export const userSchema = z.object({
  id: idField,
  name: z.string(),
  givenName: z.string(),
  familyName: z.string(),
  email: z.string(),
  address: addressSchema.optional(),
  tags: z.array(z.string()),
  createdAt: timestampField,
});

/** A user as it is stored. `name` and its two parts are kept side by side: no rule splits every name right. */
export type User = z.infer<typeof userSchema>;

/** What a client may decide of a user. The parts of the name are given where the client knows them. */
export type UserInput = z.output<typeof userInputSchema> & {
  readonly nameParts?: { readonly givenName: string; readonly familyName: string } | undefined;
};

/** The best guess at the parts of a whole name: what follows the last space is the family name. */
export function splitName(name: string): { readonly givenName: string; readonly familyName: string } {
  const trimmed = name.trim();
  const space = trimmed.lastIndexOf(" ");
  if (space === -1) return { givenName: trimmed, familyName: "" };
  return { givenName: trimmed.slice(0, space).trim(), familyName: trimmed.slice(space + 1) };
}

/** The whole name, from its parts. */
export function joinName(parts: { readonly givenName: string; readonly familyName: string }): string {
  return `${parts.givenName} ${parts.familyName}`.trim();
}

/** Emails are unique whatever their case: no provider tells `Ada@x.org` from `ada@x.org`. */
export function toEmailKey(email: string): string {
  return email.toLowerCase();
}
