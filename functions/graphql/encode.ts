import { GraphQLError } from "graphql";
import type { ErrorCode } from "../../core/error.ts";
import { ERROR_CODES, ERROR_TABLE, EverywireError } from "../../core/error.ts";

/** What yoga reads of an error to choose the status, and takes out again before it is sent. */
interface HttpExtension {
  readonly status?: number;
  /** True for an error of the operation, which is 200 for a client that takes `application/json` only. */
  readonly spec?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The parts of a result that can hold errors, those of `@defer` and `@stream` included. */
export interface AnyResult {
  readonly data?: unknown;
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly incremental?: readonly { readonly errors?: readonly GraphQLError[] | undefined }[] | undefined;
}

const CODES: ReadonlySet<unknown> = new Set(ERROR_CODES);
const CODE_OF_STATUS: ReadonlyMap<unknown, ErrorCode> = new Map(
  (["method_not_allowed", "not_acceptable", "payload_too_large", "unsupported_media_type"] as const).map(
    (code) => [ERROR_TABLE[code].http, code],
  ),
);

/**
 * An error as a client may see it: `extensions.code` is one of the closed set, and what is not written for a client is
 * masked and told to `onFault`.
 */
export function toClientError(thrown: unknown, onFault: (fault: unknown) => void): GraphQLError {
  const found = findCause(thrown);
  if (found instanceof EverywireError) return fromEverywireError(found, thrown, onFault);
  // The library's own, of the document or the variables: syntax, validation, coercion.
  if (found instanceof GraphQLError)
    return CODES.has(found.extensions.code) ? found : fromLibraryError(found, thrown);
  return fromEverywireError(EverywireError.from(found), thrown, onFault);
}

/** The same for a whole result. */
export function encodeResult<R extends AnyResult>(result: R, onFault: (fault: unknown) => void): R {
  const { errors, incremental } = result;
  if (errors === undefined && incremental === undefined) return result;
  const encodeAll = (list: readonly GraphQLError[]) => list.map((error) => toClientError(error, onFault));
  return {
    ...result,
    ...(errors === undefined ? {} : { errors: encodeAll(errors) }),
    ...(incremental === undefined
      ? {}
      : {
          incremental: incremental.map((part) =>
            part.errors === undefined ? part : { ...part, errors: encodeAll(part.errors) },
          ),
        }),
  };
}

/**
 * Gives the errors of a result the HTTP status of their code (GraphQL over HTTP, "Status Codes"). Where there are data
 * the status is 200: a part that failed is told in the body.
 */
export function withStatuses<R extends AnyResult>(result: R): R {
  const { errors, data } = result;
  if (errors === undefined) return result;
  const hasData = data !== undefined && data !== null;
  return { ...result, errors: errors.map((error) => withHttp(error, hasData ? undefined : toHttp(error))) };
}

/** For a wire that has no status. */
export function withoutStatuses<R extends AnyResult>(result: R): R {
  const { errors } = result;
  if (errors === undefined) return result;
  return { ...result, errors: errors.map((error) => withHttp(error, undefined)) };
}

/** What the boundary refused before the operation was read, as a GraphQL error with the status of its code. */
export function encodeRefusal(request: Request, error: EverywireError): Response {
  const { code, message, retryAfterMs } = error;
  const headers = new Headers({ "cache-control": "no-store" });
  const isModern = request.headers.get("accept")?.includes("application/graphql-response+json") === true;
  headers.set("content-type", `application/${isModern ? "graphql-response+json" : "json"}; charset=utf-8`);
  if (code === "unauthenticated") headers.set("www-authenticate", 'Bearer realm="everywire"');
  if (retryAfterMs !== undefined) headers.set("retry-after", toRetryAfter(retryAfterMs));
  const extensions = { code, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  const body = JSON.stringify({ errors: [{ message, extensions }] });
  return new Response(body, { status: ERROR_TABLE[code].http, headers });
}

/** What was thrown first: a resolver's error arrives in the library's own, sometimes in several. */
function findCause(thrown: unknown): unknown {
  let cause = thrown;
  while (cause instanceof GraphQLError && cause.originalError != null) cause = cause.originalError;
  return cause;
}

function fromEverywireError(
  error: EverywireError,
  thrown: unknown,
  onFault: (fault: unknown) => void,
): GraphQLError {
  if (error.code === "internal") onFault(error.cause ?? error);
  const { code, message, details, retryAfterMs } = error;
  return copyPlace(thrown, message, {
    code,
    ...(details === undefined ? {} : { details }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function fromLibraryError(error: GraphQLError, thrown: unknown): GraphQLError {
  const http = error.extensions.http as HttpExtension | undefined;
  const code = CODE_OF_STATUS.get(http?.status) ?? "invalid_argument";
  return copyPlace(thrown, error.message, { code, ...(http === undefined ? {} : { http }) });
}

/** Where in the document and in the answer it happened is the client's to know; where in our code is not. */
function copyPlace(thrown: unknown, message: string, extensions: Record<string, unknown>): GraphQLError {
  if (!(thrown instanceof GraphQLError)) return new GraphQLError(message, { extensions });
  const { nodes, source, positions, path } = thrown;
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions,
  });
}

/** In whole seconds (RFC 9110 §10.2.3). */
function toRetryAfter(retryAfterMs: number): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}

function toHttp(error: GraphQLError): HttpExtension {
  const known = error.extensions.http as HttpExtension | undefined;
  if (known !== undefined) return known;
  const code = error.extensions.code as ErrorCode;
  const { retryAfterMs } = error.extensions;
  return {
    status: ERROR_TABLE[code].http,
    ...(error.path == null ? {} : { spec: true }),
    ...(typeof retryAfterMs === "number" ? { headers: { "retry-after": toRetryAfter(retryAfterMs) } } : {}),
  };
}

function withHttp(error: GraphQLError, http: HttpExtension | undefined): GraphQLError {
  const { http: _, ...extensions } = error.extensions;
  return copyPlace(error, error.message, { ...extensions, ...(http === undefined ? {} : { http }) });
}
