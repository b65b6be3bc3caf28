import type { DocumentNode, ExecutionResult, GraphQLSchema } from "graphql";
import { execute, Kind, OperationTypeNode, parse, validate } from "graphql";
import type { Limits } from "../../core/limits.ts";
import { mediaType } from "../boundary/body.ts";
import { prepareHeaders } from "../boundary/response-headers.ts";
import type { GraphqlContext } from "./context.ts";
import type { RequestParameters } from "./decode.ts";
import { decodeJsonParameters } from "./decode.ts";
import type { Variables } from "./query-limits.ts";
import { assertWithinLimits } from "./query-limits.ts";
import { assertShallow } from "./query-nesting.ts";

/** Documents longer than this are not kept: a thousand of them would fill an isolate. */
export const MAX_CACHED_CHARACTERS = 8 * 1024;
export const MAX_CACHED_DOCUMENTS = 500;

const COMMON = { "cache-control": "no-store", vary: "Accept" };
const MODERN = prepareHeaders({
  "content-type": "application/graphql-response+json; charset=utf-8",
  ...COMMON,
});
const LEGACY = prepareHeaders({ "content-type": "application/json; charset=utf-8", ...COMMON });
/** What an answer is, by what clients commonly accept; any other wish is the library's to weigh. */
const ANSWER_HEADERS: Readonly<Record<string, Headers | undefined>> = {
  "": LEGACY,
  "*/*": LEGACY,
  "application/json": LEGACY,
  "application/graphql-response+json": MODERN,
  "application/graphql-response+json, application/json": MODERN,
};

/** What is left for the library where an operation was not answered here, or not to the end. */
export interface Prepared {
  /** The body was read: there are its parameters, or why there are none. */
  parameters?: Promise<RequestParameters>;
  /** The operation was executed, and must not be again; there are errors in it, which the library tells of. */
  result?: ExecutionResult;
}

interface PlainDocument {
  readonly node: DocumentNode;
  /** Without variables its size is always the same, and was found to be within the limits. */
  readonly isMeasured: boolean;
}

/** Operations that the library has no part in but to call `execute`. */
export class PlainOperations {
  readonly #schema: GraphQLSchema;
  /** Undefined for a document that is not plain, or not valid. */
  readonly #documents = new Map<string, PlainDocument | undefined>();

  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  /**
   * Answers the common operation: a query or a mutation in a POST of JSON, whose document is valid, and which succeeds.
   * The library's way there and back, through its hooks, cost more than the operation. Everything else is left to it:
   * undefined, with what was done already in `prepared`.
   */
  async answer(request: Request, context: GraphqlContext, prepared: Prepared): Promise<Response | undefined> {
    if (request.method !== "POST" || mediaType(request) !== "application/json") return undefined;
    const headers = ANSWER_HEADERS[request.headers.get("accept") ?? ""];
    if (headers === undefined) return undefined;
    const { limits } = context.operation;
    prepared.parameters = decodeJsonParameters(request, limits);
    let parameters: RequestParameters;
    try {
      parameters = await prepared.parameters;
    } catch {
      return undefined;
    }
    const result = await this.#execute(parameters, context);
    if (result === undefined) return undefined;
    if (result.errors !== undefined) {
      prepared.result = result;
      return undefined;
    }
    return new Response(JSON.stringify(result), { headers });
  }

  async #execute(
    parameters: RequestParameters,
    context: GraphqlContext,
  ): Promise<ExecutionResult | undefined> {
    const { query, variables, operationName, ...others } = parameters;
    // Extensions name a persisted document, and anything else is refused: both are the library's to do.
    if (typeof query !== "string" || Object.keys(others).length > 0) return undefined;
    if (variables !== undefined && (typeof variables !== "object" || variables === null)) return undefined;
    if (Array.isArray(variables)) return undefined;
    if (operationName !== undefined && typeof operationName !== "string") return undefined;
    const { limits } = context.operation;
    const document = this.#find(query, limits);
    if (document === undefined) return undefined;
    if (!document.isMeasured && !this.#isWithinLimits(document.node, variables, limits)) return undefined;
    return execute({
      schema: this.#schema,
      document: document.node,
      contextValue: context,
      variableValues: variables,
      operationName,
    });
  }

  #isWithinLimits(document: DocumentNode, variables: Variables, limits: Limits): boolean {
    try {
      assertWithinLimits(this.#schema, document, variables, limits);
      return true;
    } catch {
      return false;
    }
  }

  #find(query: string, limits: Limits): PlainDocument | undefined {
    const known = this.#documents.get(query);
    if (known !== undefined || this.#documents.has(query)) return known;
    if (query.length > MAX_CACHED_CHARACTERS) return undefined;
    const document = this.#prepare(query, limits);
    if (this.#documents.size >= MAX_CACHED_DOCUMENTS) this.#documents.clear();
    this.#documents.set(query, document);
    return document;
  }

  #prepare(query: string, limits: Limits): PlainDocument | undefined {
    // An answer in parts.
    if (/@\s*(?:defer|stream)\b/.test(query)) return undefined;
    try {
      assertShallow(query);
      const document = parse(query, { maxTokens: limits.MAX_QUERY_TOKENS });
      const isPlain = document.definitions.every(
        (definition) =>
          definition.kind !== Kind.OPERATION_DEFINITION ||
          definition.operation !== OperationTypeNode.SUBSCRIPTION,
      );
      if (!isPlain || validate(this.#schema, document).length > 0) return undefined;
      const hasVariables = document.definitions.some(
        (definition) =>
          definition.kind === Kind.OPERATION_DEFINITION && (definition.variableDefinitions ?? []).length > 0,
      );
      const isMeasured = !hasVariables && this.#isWithinLimits(document, undefined, limits);
      return { node: document, isMeasured };
    } catch {
      return undefined;
    }
  }
}
