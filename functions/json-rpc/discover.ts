import * as z from "zod";
import { ERROR_CODES, ERROR_TABLE } from "../../core/error.ts";
import { VERSION } from "../../core/version.ts";
import type { Method } from "./method.ts";
import { defineMethod, parameterNames } from "./method.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The OpenRPC 1.3 document of a method table: `rpc.discover` (OpenRPC specification, "Service Discovery Method").
 *
 * @param servers where the methods are, by URL: those of the socket are not all on the other one
 */
export function describeMethods(
  methods: readonly Method<never>[],
  servers: readonly { readonly name: string; readonly url: string }[],
): JsonSchema {
  return {
    openrpc: "1.3.2",
    info: {
      title: "Everywire",
      version: VERSION,
      description:
        "Channels and resources over JSON-RPC 2.0. channel.subscribe and what belongs to it need the socket.",
      license: { name: "MIT" },
    },
    servers,
    methods: methods.map(describeMethod),
    components: { errors: Object.fromEntries(ERROR_CODES.map((code) => [code, describeError(code)])) },
  };
}

/** The method itself. It is part of the table that it describes. */
export function discoverMethod<C>(describe: () => JsonSchema): Method<C> {
  return defineMethod({
    name: "rpc.discover",
    summary: "Gives this service's OpenRPC document.",
    params: z.strictObject({}),
    result: z.looseObject({ openrpc: z.string() }),
    run: () => describe(),
  });
}

function describeMethod({ name, summary, params, result }: Method<never>): JsonSchema {
  const { properties = {}, required = [] } = toJsonSchema(params, "input") as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return {
    name,
    summary,
    paramStructure: "either",
    // In the order of positions, required or not: that is what the dispatcher goes by.
    params: (parameterNames(params) ?? []).map((parameter) => ({
      name: parameter,
      required: required.includes(parameter),
      schema: properties[parameter] ?? {},
    })),
    result: { name: "result", schema: toJsonSchema(result, "output") },
    errors: ERROR_CODES.map((code) => ({ $ref: `#/components/errors/${code}` })),
  };
}

function describeError(code: keyof typeof ERROR_TABLE): JsonSchema {
  const { jsonRpc, title } = ERROR_TABLE[code];
  return { code: jsonRpc, message: title, data: { code } };
}

function toJsonSchema(schema: z.ZodType, io: "input" | "output"): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, target: "draft-7", unrepresentable: "any" });
  return rest;
}
