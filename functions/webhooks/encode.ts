import type { DeliveryPage, EndpointPage } from "../../core/webhooks.ts";

/** Never cached: a secret is in some of these, and the rest changes with every delivery. */
export function toJsonResponse(
  value: unknown,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(value, { status, headers: { "cache-control": "no-store", ...headers } });
}

/** `next` is null at the end, so that a client need not tell absent from undefined. */
export function encodeEndpointPage({ endpoints, next }: EndpointPage): Response {
  return toJsonResponse({ endpoints, next: next ?? null }, 200);
}

/** `next` is for `before`: the log is read from its newest entry back. */
export function encodeDeliveryPage({ deliveries, next }: DeliveryPage): Response {
  return toJsonResponse({ deliveries, next: next === undefined ? null : String(next) }, 200);
}
