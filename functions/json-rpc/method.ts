import * as z from "zod";
import { parseInput } from "../../core/entities/parse-input.ts";
import { EverywireError } from "../../core/error.ts";

/** What `params` can be (JSON-RPC 2.0 §4.2): by position, by name, or absent. */
export type Params = readonly unknown[] | Readonly<Record<string, unknown>> | undefined;

/** One method, its types closed over: the dispatcher calls it, and `rpc.discover` describes it. */
export interface Method<C> {
  readonly name: string;
  readonly summary: string;
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  call(context: C, params: Params): Promise<unknown>;
  /** Calls that follow each other, as one; undefined where that is no cheaper. */
  readonly callTogether:
    | ((context: C, params: readonly Params[]) => Promise<readonly CallOutcome[]>)
    | undefined;
}

/** What came of one call among several. */
export type CallOutcome = { readonly result: unknown } | EverywireError;

interface MethodDefinition<C, P extends z.ZodType> {
  readonly name: string;
  readonly summary: string;
  /** An object: its keys are the names of the parameters, and their order is the order of positions. Or an array. */
  readonly params: P;
  readonly result: z.ZodType;
  /** What wrong parameters are: for resources, as over REST, `validation_failed`. */
  readonly refusal?: "invalid_argument" | "validation_failed";
  run(context: C, params: z.output<P>): unknown;
  /** Several calls, in their order, where that is cheaper: what came of each. */
  readonly runTogether?: (context: C, params: readonly z.output<P>[]) => Promise<readonly CallOutcome[]>;
}

/** Defines a method. Its parameters are checked before it runs. */
export function defineMethod<C, P extends z.ZodType>(definition: MethodDefinition<C, P>): Method<C> {
  const { name, summary, params: schema, result, refusal = "invalid_argument", runTogether } = definition;
  return {
    name,
    summary,
    params: schema,
    result,
    call: async (context, params) => definition.run(context, parseParams(schema, params, refusal)),
    callTogether:
      runTogether &&
      (async (context, calls) => {
        const parsed = calls.map((params) => parseParamsOf(schema, params, refusal));
        const good = parsed.flatMap((one) => (one instanceof EverywireError ? [] : [one.params]));
        const outcomes = (good.length === 0 ? [] : await runTogether(context, good)).values();
        return parsed.map((one) => (one instanceof EverywireError ? one : nextOf(outcomes)));
      }),
  };
}

/** The names of a method's parameters, in the order of their positions; undefined for a list of any length. */
export function parameterNames(schema: z.ZodType): readonly string[] | undefined {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : undefined;
}

function parseParams<P extends z.ZodType>(
  schema: P,
  params: Params,
  refusal: "invalid_argument" | "validation_failed",
): z.output<P> {
  try {
    return parseInput(schema, toShape(schema, params));
  } catch (thrown) {
    const error = EverywireError.from(thrown);
    if (error.code !== "validation_failed" || refusal === "validation_failed") throw error;
    throw new EverywireError("invalid_argument", "Some parameters are not valid; see details.", {
      details: error.details,
    });
  }
}

/** {@link parseParams}, which gives what is wrong instead of throwing it. */
function parseParamsOf<P extends z.ZodType>(
  schema: P,
  params: Params,
  refusal: "invalid_argument" | "validation_failed",
): { readonly params: z.output<P> } | EverywireError {
  try {
    return { params: parseParams(schema, params, refusal) };
  } catch (thrown) {
    return EverywireError.from(thrown);
  }
}

function nextOf(outcomes: Iterator<CallOutcome>): CallOutcome {
  const { done, value } = outcomes.next();
  if (done === true) throw new Error("There are fewer outcomes than calls.");
  return value;
}

/** Gives parameters by position their names. */
function toShape(schema: z.ZodType, params: Params): unknown {
  const names = parameterNames(schema);
  if (names === undefined) return params ?? [];
  if (params === undefined) return {};
  if (!isPositional(params)) return params;
  if (params.length > names.length) {
    throw new EverywireError("invalid_argument", `There are at most ${names.length} parameters.`);
  }
  return Object.fromEntries(params.map((value, index) => [names[index] ?? "", value]));
}

function isPositional(params: NonNullable<Params>): params is readonly unknown[] {
  return Array.isArray(params);
}
