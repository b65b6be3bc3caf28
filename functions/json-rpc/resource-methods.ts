import * as z from "zod";
import type { OperationContext } from "../../core/context.ts";
import type { CollectionName } from "../../core/entities/collections.ts";
import { collectionRules } from "../../core/entities/collections.ts";
import { parseInput } from "../../core/entities/parse-input.ts";
import { EverywireError } from "../../core/error.ts";
import { toRateKey } from "../../core/identity.ts";
import { mergePatch } from "../../core/merge-patch.ts";
import type { Change, Precondition } from "../../core/operations/change-record.ts";
import type { IdempotencyClaim, Inserted, ListQuery, RecordPage, Stored } from "../../core/records.ts";
import { toListBody } from "../boundary/list-body.ts";
import { parseListQuery } from "../boundary/list-query.ts";
import type { Method } from "./method.ts";
import { defineMethod } from "./method.ts";
import type { RpcContext } from "./rpc-context.ts";

/** The ids that say which record: its own, and before it those of what it belongs to. */
export type Keys = Readonly<Record<string, string>>;

/** A resource of CONTRACT §3: the operations behind it, and what they take and give. */
export interface RpcResource<T extends { readonly id: string }, Input, Changed> {
  /** What its methods start with, such as `users.orders`. */
  readonly name: string;
  readonly collection: CollectionName;
  /** Parameters that come before everything else, such as `userId`. */
  readonly parents: readonly string[];
  readonly hasCursor: boolean;
  readonly record: z.ZodObject;
  readonly input: z.ZodObject & z.ZodType<Input>;
  readonly change: z.ZodObject & z.ZodType<Changed>;
  list(context: OperationContext, keys: Keys, query: ListQuery): Promise<RecordPage<T>>;
  get(context: OperationContext, keys: Keys): Promise<Stored<T>>;
  create(
    context: OperationContext,
    keys: Keys,
    input: Input,
    claim: IdempotencyClaim | undefined,
  ): Promise<Inserted<T>>;
  update(
    context: OperationContext,
    keys: Keys,
    change: Change<T, Changed>,
    precondition: Precondition | undefined,
  ): Promise<Stored<T>>;
  remove(context: OperationContext, keys: Keys, precondition: Precondition | undefined): Promise<void>;
}

const id = z.string().min(1).max(128);
const ifVersion = z.int().optional().describe("Only if the record is still at this version");
const idempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .optional()
  .describe("The same key with the same input gives the first answer again");

/** `list`, `get`, `create`, `update`, `replace` and `delete` of a resource: what REST has, under names. */
export function resourceMethods<T extends { readonly id: string }, Input, Changed>(
  resource: RpcResource<T, Input, Changed>,
): readonly Method<RpcContext>[] {
  const { name, collection, hasCursor, input, change } = resource;
  const parents = Object.fromEntries(resource.parents.map((parent) => [parent, id]));
  const record = resource.record.extend({ version: z.int() });
  const refusal = "validation_failed" as const;
  const singular = name.split(".").at(-1) ?? name;
  return [
    defineMethod({
      name: `${name}.list`,
      summary: `Lists ${singular}, by page${hasCursor ? " or by cursor" : ""}.`,
      params: z.strictObject({ ...parents, ...listParameters(collection, hasCursor) }),
      result: z.looseObject({ data: z.array(resource.record) }),
      run: async ({ operation }: RpcContext, params) => {
        const query = toListQuery(collection, params, hasCursor);
        const page = await resource.list(operation(), keysOf(params), query);
        const views = page.records.map(({ value }) => value);
        return toListBody(page, {
          views,
          window: query.window,
          hasCursor: hasCursor && query.sort.length === 0,
        });
      },
    }),
    defineMethod({
      name: `${name}.get`,
      summary: `Reads one of ${singular}.`,
      params: z.strictObject({ ...parents, id }),
      result: record,
      run: async ({ operation }: RpcContext, params) =>
        toView(await resource.get(operation(), keysOf(params))),
    }),
    defineMethod({
      name: `${name}.create`,
      summary: `Creates one of ${singular}.`,
      params: z.object({ ...parents, ...input.shape, idempotencyKey }),
      result: record,
      refusal,
      run: async ({ operation }: RpcContext, params) => {
        const context = operation();
        const value = parseInput(input, params) as Input;
        const claim = await toClaim(context, name, params as { idempotencyKey?: string | undefined }, value);
        return toView((await resource.create(context, keysOf(params), value, claim)).stored);
      },
    }),
    defineMethod({
      name: `${name}.update`,
      summary: `Changes one of ${singular} by a JSON Merge Patch.`,
      params: z.strictObject({ ...parents, id, changes: z.looseObject({}), ifVersion }),
      result: record,
      refusal,
      run: async ({ operation }: RpcContext, params) => {
        const merge = (current: T) => parseInput(change, mergePatch(current, params.changes)) as Changed;
        return toView(await resource.update(operation(), keysOf(params), merge, preconditionOf(params)));
      },
    }),
    defineMethod({
      name: `${name}.replace`,
      summary: `Replaces all that can be changed of one of ${singular}.`,
      params: z.strictObject({ ...parents, id, value: change, ifVersion }),
      result: record,
      refusal,
      run: async ({ operation }: RpcContext, params) => {
        const value = params.value as Changed;
        return toView(
          await resource.update(operation(), keysOf(params), () => value, preconditionOf(params)),
        );
      },
    }),
    defineMethod({
      name: `${name}.delete`,
      summary: `Deletes one of ${singular}.`,
      params: z.strictObject({ ...parents, id, ifVersion }),
      result: z.null(),
      run: ({ operation }: RpcContext, params) =>
        resource.remove(operation(), keysOf(params), preconditionOf(params)),
    }),
  ];
}

function toView<T extends object>({ value, version }: Stored<T>): T & { readonly version: number } {
  return { ...value, version };
}

/** The parameters that are ids; a parent's is named for it, such as `postId`. */
function keysOf(params: object): Keys {
  return params as Keys;
}

function preconditionOf(params: object): Precondition | undefined {
  const wanted = (params as { readonly ifVersion?: number | undefined }).ifVersion;
  return wanted === undefined ? undefined : (version) => version === wanted;
}

function listParameters(collection: CollectionName, hasCursor: boolean): Record<string, z.ZodType> {
  const { filters, sorts } = collectionRules(collection);
  const parameters: Record<string, z.ZodType> = {
    page: z.int().min(1).optional(),
    per_page: z.int().min(1).optional(),
    sort: z
      .string()
      .optional()
      .describe(`By ${Object.keys(sorts).join(", ")}; '-' turns it round`),
  };
  if (hasCursor) parameters.cursor = z.string().optional().describe("Empty for the first page");
  parameters.limit = z.int().min(1).optional();
  for (const [name, { comparison }] of Object.entries(filters)) {
    const isNumber = comparison === "at-least" || comparison === "at-most";
    parameters[name] ??= isNumber ? z.number().min(0).optional() : z.string().optional();
  }
  return parameters;
}

/** Lists are asked for as over REST, so that one reader of queries knows all the rules. */
function toListQuery(collection: CollectionName, params: object, hasCursor: boolean): ListQuery {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) if (value !== undefined) query.set(name, String(value));
  return parseListQuery(collection, query, { hasCursor });
}

/** A key belongs to who sent it and to the method that it was sent to. */
async function toClaim(
  context: OperationContext,
  name: string,
  params: { readonly idempotencyKey?: string | undefined },
  value: unknown,
): Promise<IdempotencyClaim | undefined> {
  const { idempotencyKey: key } = params;
  if (key === undefined) return undefined;
  if (context.identity.kind === "anonymous") throw new EverywireError("unauthenticated", "Sign in first.");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(value)));
  const hash = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { key: `${toRateKey(context.identity)}\nrpc ${name}.create\n${key}`, fingerprint: `rpc:${hash}` };
}
