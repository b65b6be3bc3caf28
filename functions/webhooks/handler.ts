import {
  createWebhookEndpoint,
  deleteWebhookEndpoint,
  getWebhookEndpoint,
  listWebhookDeliveries,
  listWebhookEndpoints,
  replayWebhookDelivery,
  replayWebhookEvents,
  rotateWebhookSecret,
  testWebhookEndpoint,
  updateWebhookEndpoint,
} from "../../core/operations/manage-webhooks.ts";
import { assertSignedIn } from "../../core/resource-policy.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { queryOf } from "../boundary/request-target.ts";
import { decodeDeliveriesQuery, decodeEndpointsQuery, decodeJsonBody } from "./decode.ts";
import { encodeDeliveryPage, encodeEndpointPage, toJsonResponse } from "./encode.ts";

/** `POST /webhooks/endpoints` */
export async function handleCreate(c: EdgeContext): Promise<Response> {
  const context = toOperationContext(c);
  // Who is not signed in is told so before what they sent is looked at.
  assertSignedIn(context.identity);
  const body = await decodeJsonBody(c.req.raw, context.limits.MAX_REQUEST_BYTES);
  const endpoint = await createWebhookEndpoint(context, body);
  return toJsonResponse(endpoint, 201, { location: `/webhooks/endpoints/${endpoint.id}` });
}

/** `GET /webhooks/endpoints?after=&limit=` */
export async function handleList(c: EdgeContext): Promise<Response> {
  const query = decodeEndpointsQuery(queryOf(c.req.raw.url));
  return encodeEndpointPage(await listWebhookEndpoints(toOperationContext(c), query));
}

/** `GET /webhooks/endpoints/{id}` */
export async function handleGet(c: EdgeContext): Promise<Response> {
  return toJsonResponse(await getWebhookEndpoint(toOperationContext(c), idOf(c)), 200);
}

/** `PATCH /webhooks/endpoints/{id}` */
export async function handleUpdate(c: EdgeContext): Promise<Response> {
  const context = toOperationContext(c);
  assertSignedIn(context.identity);
  const body = await decodeJsonBody(c.req.raw, context.limits.MAX_REQUEST_BYTES);
  return toJsonResponse(await updateWebhookEndpoint(context, idOf(c), body), 200);
}

/** `DELETE /webhooks/endpoints/{id}` */
export async function handleDelete(c: EdgeContext): Promise<Response> {
  await deleteWebhookEndpoint(toOperationContext(c), idOf(c));
  return new Response(null, { status: 204 });
}

/** `POST /webhooks/endpoints/{id}/rotate-secret` */
export async function handleRotateSecret(c: EdgeContext): Promise<Response> {
  return toJsonResponse(await rotateWebhookSecret(toOperationContext(c), idOf(c)), 200);
}

/** `POST /webhooks/endpoints/{id}/test`: 200 with what became of it, also where that was a failure. */
export async function handleTest(c: EdgeContext): Promise<Response> {
  return toJsonResponse(await testWebhookEndpoint(toOperationContext(c), idOf(c)), 200);
}

/** `GET /webhooks/endpoints/{id}/deliveries?state=&before=&limit=` */
export async function handleListDeliveries(c: EdgeContext): Promise<Response> {
  const query = decodeDeliveriesQuery(queryOf(c.req.raw.url));
  return encodeDeliveryPage(await listWebhookDeliveries(toOperationContext(c), idOf(c), query));
}

/** `POST /webhooks/deliveries/{id}/replay` */
export async function handleReplayDelivery(c: EdgeContext): Promise<Response> {
  return toJsonResponse(await replayWebhookDelivery(toOperationContext(c), idOf(c)), 202);
}

/** `POST /webhooks/endpoints/{id}/replay?after=&channel=` */
export async function handleReplayFrom(c: EdgeContext): Promise<Response> {
  const query = queryOf(c.req.raw.url);
  const channels = await replayWebhookEvents(toOperationContext(c), idOf(c), {
    after: query.get("after"),
    channel: query.get("channel"),
  });
  return toJsonResponse({ channels }, 202);
}

function idOf(c: EdgeContext): string {
  return c.req.param("id") ?? "";
}
