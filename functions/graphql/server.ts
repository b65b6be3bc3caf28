import { useDeferStream as createDeferStreamPlugin } from "@graphql-yoga/plugin-defer-stream";
import type { DocumentNode, GraphQLSchema, ParseOptions, Source } from "graphql";
import { parse } from "graphql";
import type { Plugin } from "graphql-yoga";
import { createSchema, createYoga, isAsyncIterable, mapAsyncIterator } from "graphql-yoga";
import type { GraphqlContext } from "./context.ts";
import type { RequestParameters } from "./decode.ts";
import { decodeParameters } from "./decode.ts";
import type { AnyResult } from "./encode.ts";
import { encodeResult, toClientError, withoutStatuses, withStatuses } from "./encode.ts";
import { createEventStreamResponse, wantsEventStream } from "./event-stream.ts";
import { Mutation } from "./mutations.ts";
import { PersistedQueries } from "./persisted-queries.ts";
import type { Prepared } from "./plain-operation.ts";
import { MAX_CACHED_CHARACTERS, MAX_CACHED_DOCUMENTS, PlainOperations } from "./plain-operation.ts";
import { Query } from "./queries.ts";
import { assertWithinLimits } from "./query-limits.ts";
import { assertShallow } from "./query-nesting.ts";
import { JSON_SCALAR, UPLOAD_SCALAR } from "./scalars.ts";
import { Subscription } from "./subscriptions.ts";
import { TYPE_DEFS } from "./type-defs.ts";
import { TYPE_RESOLVERS } from "./types.ts";

/** A context with what was done before yoga was asked. */
type ServerContext = GraphqlContext & { readonly prepared?: Prepared };

/** A context with the parameters of the operation, as yoga and the socket both set them. */
type ParsedContext = GraphqlContext & { readonly params?: RequestParameters };

export type GraphqlServer = ReturnType<typeof createGraphqlServer>["yoga"];

/** What CONTRACT §2 promises of event streams, whatever the operator sets. */
const MAX_HEARTBEAT_SECONDS = 15;

let server: ReturnType<typeof createGraphqlServer> | undefined;

/** The one server of this isolate, made when it is first used: the schema takes time that other doors need not spend. */
export function getGraphqlServer(): GraphqlServer {
  server ??= createGraphqlServer();
  return server.yoga;
}

/** Answers a request over HTTP where that is simple; otherwise undefined, with what was done already in `prepared`. */
export function answerPlainly(
  request: Request,
  context: GraphqlContext,
  prepared: Prepared,
): Promise<Response | undefined> {
  server ??= createGraphqlServer();
  return server.plain.answer(request, context, prepared);
}

/** Answers a request over HTTP through yoga, from where {@link answerPlainly} left it. */
export async function answerGraphql(
  request: Request,
  context: GraphqlContext,
  prepared: Prepared,
): Promise<Response> {
  return getGraphqlServer().fetch(request, { ...context, prepared });
}

function createGraphqlServer() {
  const schema = createSchema<GraphqlContext>({
    typeDefs: TYPE_DEFS,
    resolvers: { JSON: JSON_SCALAR, Upload: UPLOAD_SCALAR, Query, Mutation, Subscription, ...TYPE_RESOLVERS },
  });
  const yoga = createYoga<ServerContext>({
    schema,
    plugins: [
      createDecodingPlugin(),
      createReplayPlugin(),
      createLimitsPlugin(schema),
      createDeferStreamPlugin(),
      createResultPlugin(),
    ],
    maskedErrors: { maskError: (error) => toClientError(error, logFault) },
    parserAndValidationCache: { documentCache: createSmallCache(), errorCache: createSmallCache() },
    // The boundary answers preflights, decoding bounds the body, and the page is GraphiQL's own (graphiql.ts).
    cors: false,
    maxRequestBodySize: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
  return { yoga, plain: new PlainOperations(schema) };
}

/** The only place where an unexpected fault is told: to the log, never to the client. */
export function logFault(fault: unknown): void {
  console.error("graphql", fault);
}

/** Reads requests within our limits, and finds persisted documents. */
function createDecodingPlugin(): Plugin<object, ServerContext> {
  const persisted = new PersistedQueries();
  return {
    onRequestParse({ serverContext, setRequestParser }) {
      const { operation, prepared } = serverContext;
      setRequestParser(async (request) =>
        persisted.resolve(await (prepared?.parameters ?? decodeParameters(request, operation.limits))),
      );
    },
  };
}

/** What was executed already is not executed again. */
function createReplayPlugin(): Plugin<ServerContext> {
  return {
    onExecute({ context, setExecuteFn }) {
      const result = context.prepared?.result;
      if (result !== undefined) setExecuteFn(() => result);
    },
  };
}

/** Stops the parser at the limit, and measures what it made before anything else looks at it. */
function createLimitsPlugin(schema: GraphQLSchema): Plugin<GraphqlContext> {
  return {
    onParse({ context, setParseFn }) {
      const { operation, params } = context as ParsedContext;
      const { limits } = operation;
      setParseFn((source: string | Source, options?: ParseOptions) => {
        assertShallow(typeof source === "string" ? source : source.body);
        return parse(source, { ...options, maxTokens: limits.MAX_QUERY_TOKENS });
      });
      return ({ result }) => {
        if (isDocument(result)) assertWithinLimits(schema, result, params?.variables, limits);
      };
    },
  };
}

/** Every error of every kind of result in our form, with the status of its code; and event streams as we write them. */
function createResultPlugin(): Plugin<GraphqlContext, GraphqlContext> {
  const encode = <R>(result: R) => encodeResult(result as AnyResult, logFault) as R;
  const subscriptions = new WeakSet<Request>();
  return {
    onSubscribe({ args }) {
      const { request } = args.contextValue as { readonly request?: Request };
      if (request !== undefined) subscriptions.add(request);
    },
    onResultProcess({ request, result, setResult, setResultProcessor, serverContext }) {
      const isStream = isAsyncIterable(result);
      if (isStream) setResult(mapAsyncIterator(result, encode));
      else if (!Array.isArray(result)) setResult(withStatuses(encode(result as AnyResult)) as typeof result);
      const isSubscription = subscriptions.has(request);
      if (!wantsEventStream(request.headers.get("accept"), { isStream, isSubscription })) return;
      const { HEARTBEAT_SECONDS } = serverContext.operation.limits;
      const heartbeatMs = Math.min(HEARTBEAT_SECONDS, MAX_HEARTBEAT_SECONDS) * 1000;
      const toJson = (value: unknown) => JSON.stringify(withoutStatuses(value as AnyResult));
      setResultProcessor(
        (results) => createEventStreamResponse(results, { heartbeatMs, encode: toJson }),
        "text/event-stream",
      );
    },
  };
}

function isDocument(result: unknown): result is DocumentNode {
  return typeof result === "object" && result !== null && !(result instanceof Error);
}

function createSmallCache<T>() {
  const entries = new Map<string, T>();
  return {
    get: (key: string) => entries.get(key),
    set(key: string, value: T) {
      if (key.length > MAX_CACHED_CHARACTERS) return;
      if (entries.size >= MAX_CACHED_DOCUMENTS) entries.clear();
      entries.set(key, value);
    },
  };
}
