import type { OperationContext } from "../../core/context.ts";
import { acceptEvent, runJob } from "../../core/operations/accept-delivery.ts";
import type { SignedDelivery } from "../../core/queue.ts";
import { DELIVERY_PATHS } from "../../core/queue.ts";
import { decodeUtf8, readBytes } from "../boundary/body.ts";
import { channelFromPath } from "../boundary/channel-path.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { createOperationContext } from "../boundary/edge.ts";
import { MethodNotAllowed } from "../boundary/methods.ts";
import { pathOf } from "../boundary/request-target.ts";
import { toJsonResponse } from "./encode.ts";

const ANONYMOUS = { kind: "anonymous", address: "" } as const;

/** `POST /queue/deliveries/channels/{channel}`: an event that the queue brings. */
export async function handleEventDelivery(c: EdgeContext): Promise<Response> {
  const { context, delivery } = await readDelivery(c);
  const channel = channelFromPath(delivery.path, DELIVERY_PATHS.channels);
  return toJsonResponse(await acceptEvent(context, channel, delivery));
}

/** `POST /queue/deliveries/jobs/{name}`: work for the Worker itself. */
export async function handleJobDelivery(c: EdgeContext): Promise<Response> {
  const { context, delivery } = await readDelivery(c);
  await runJob(context, delivery.path.slice(DELIVERY_PATHS.jobs.length), delivery);
  return toJsonResponse({ done: true });
}

/**
 * The body as it came, for the signature is over its bytes. These requests do not pass the boundary's `enter`: the queue
 * holds no token, and a rate for anonymous callers would turn a burst of deliveries into failures. What keeps others out
 * is the signature, which is checked before anything else is done.
 */
async function readDelivery(
  c: EdgeContext,
): Promise<{ readonly context: OperationContext; readonly delivery: SignedDelivery }> {
  if (c.req.method !== "POST") throw new MethodNotAllowed(c.req.method, "POST");
  const context = createOperationContext(c.env.edge, ANONYMOUS);
  const bytes = await readBytes(c.req.raw, context.limits.MAX_REQUEST_BYTES);
  const delivery = {
    signature: c.req.raw.headers.get("upstash-signature") ?? undefined,
    body: decodeUtf8(bytes),
    path: pathOf(c.req.raw.url),
  };
  return { context, delivery };
}
