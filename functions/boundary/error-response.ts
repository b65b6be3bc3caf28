import type { ErrorData } from "../../core/error.ts";
import { ERROR_TABLE, EverywireError } from "../../core/error.ts";

/** The body of every HTTP error (CONTRACT §3), or RFC 9457 where the client asks for it. */
export function toErrorResponse(thrown: unknown, accept: string | undefined, nowMs: number): Response {
  const error = EverywireError.from(thrown);
  const { http, title } = ERROR_TABLE[error.code];
  const headers = new Headers({ "cache-control": "no-store" });
  if (error.retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))));
  }
  if (error.code === "unauthenticated") headers.set("www-authenticate", 'Bearer realm="everywire"');
  if (accept?.includes("application/problem+json") === true) {
    headers.set("content-type", "application/problem+json");
    return new Response(JSON.stringify(toProblem(error, http, title)), { status: http, headers });
  }
  headers.set("content-type", "application/json");
  return new Response(JSON.stringify(toErrorBody(error, nowMs)), { status: http, headers });
}

function toErrorBody(error: ErrorData, nowMs: number) {
  return {
    error: {
      message: error.message,
      code: error.code,
      details: error.details ?? {},
      timestamp: new Date(nowMs).toISOString(),
    },
  };
}

/** RFC 9457 §3.1; `code` and `errors` are extension members (§3.2). */
function toProblem(error: ErrorData, status: number, title: string) {
  return {
    type: `urn:everywire:error:${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    ...(error.details === undefined ? {} : { errors: error.details }),
  };
}
