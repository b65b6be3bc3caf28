import { EverywireError } from "./error.ts";

/**
 * The part of Standard Schema v1 (https://standardschema.dev) that is used here: zod, valibot, arktype and others have it,
 * so a channel can be typed with any of them, and the client depends on none.
 */
export interface StandardSchema<Output = unknown> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A schema for each type of event of a channel. */
export type ChannelSchema = Readonly<Record<string, StandardSchema>>;

/** What a schema lets through. */
export type OutputOf<Schema> = Schema extends StandardSchema<infer Output> ? Output : never;

/**
 * Checks an event's data against the schema of its type. Gives what the schema makes of it, by a promise only where the
 * schema does.
 *
 * @throws EverywireError `validation_failed`, with `details` as path -> messages
 */
export function validate(
  schema: ChannelSchema,
  { type, data }: { readonly type: string; readonly data?: unknown },
): unknown {
  const one = Object.hasOwn(schema, type) ? schema[type] : undefined;
  if (one === undefined) {
    throw new EverywireError("validation_failed", `The schema of this channel has no type '${type}'.`);
  }
  const result = one["~standard"].validate(data);
  return result instanceof Promise ? result.then((late) => unwrap(late, type)) : unwrap(result, type);
}

function unwrap(result: SchemaResult<unknown>, type: string): unknown {
  if (result.issues === undefined) return result.value;
  const details: Record<string, string[]> = {};
  for (const { message, path = [] } of result.issues) {
    const keys = path.map((part) => String(typeof part === "object" ? part.key : part));
    const name = ["data", ...keys].join(".");
    details[name] = [...(details[name] ?? []), message];
  }
  const [first] = result.issues;
  const message = `The data of '${type}' is not as its schema has it: ${first?.message ?? "no reason"}`;
  throw new EverywireError("validation_failed", message, { details });
}
