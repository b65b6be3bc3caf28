import type { Settings } from "../../core/settings.ts";

const EXPOSED =
  "etag, location, link, retry-after, ratelimit, ratelimit-policy, x-request-id, server-timing, allow, accept-patch, " +
  // What a page needs to read gRPC-Web (grpc/grpc PROTOCOL-WEB.md) and where its subscription stands.
  "grpc-status, grpc-message, grpc-status-details-bin, everywire-cursor, everywire-job";

/** Answers a CORS preflight (Fetch standard, "CORS-preflight fetch"); undefined where the request is none. */
export function preflight(request: Request, settings: Settings): Response | undefined {
  if (request.method !== "OPTIONS" || !request.headers.has("access-control-request-method")) return undefined;
  if (!request.headers.has("origin")) return undefined;
  const headers = new Headers({
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": request.headers.get("access-control-request-headers") ?? "",
    "access-control-max-age": "7200",
  });
  setAllowOrigin(headers, request, settings);
  return new Response(null, { status: 204, headers });
}

/**
 * The headers of every answer: the request's id, the time spent, what browsers need, and what keeps them from guessing.
 *
 * Any origin may call without credentials (tokens travel in a header that a page must set itself); only the origins in
 * `CORS_ORIGINS` may send cookies or client certificates.
 */
export function withCommonHeaders(
  request: Request,
  response: Response,
  settings: Settings,
  measured: { readonly requestId: string; readonly durationMs: number },
): Response {
  const answer = response.status === 101 && response.webSocket ? copySwitch(response) : response;
  const { headers } = answer;
  headers.set("x-request-id", measured.requestId);
  headers.set("server-timing", `op;dur=${measured.durationMs.toFixed(2)}`);
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "no-referrer");
  headers.set("x-frame-options", "DENY");
  if (!headers.has("content-security-policy")) {
    headers.set("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  }
  // A page may open a WebSocket to any origin, and Deno's request cannot be read any more once it was upgraded.
  if (answer.status !== 101 && request.headers.has("origin")) {
    setAllowOrigin(headers, request, settings);
    const own = headers.get("access-control-expose-headers");
    headers.set("access-control-expose-headers", own === null ? EXPOSED : `${EXPOSED}, ${own}`);
  }
  return answer;
}

/**
 * What a Durable Object answered has immutable headers, and a copy loses its socket unless that is named. Every other
 * answer is a door's own and is changed in place: copying one costs as much as the operation behind it.
 */
function copySwitch(response: Response): Response {
  return new Response(null, { status: 101, headers: response.headers, webSocket: response.webSocket });
}

function setAllowOrigin(headers: Headers, request: Request, settings: Settings): void {
  const origin = request.headers.get("origin") ?? "";
  headers.append("vary", "Origin");
  if (settings.corsOrigins.includes(origin)) {
    headers.set("access-control-allow-origin", origin);
    headers.set("access-control-allow-credentials", "true");
    return;
  }
  headers.set("access-control-allow-origin", "*");
}
