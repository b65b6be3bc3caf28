import { assertWebhookSource, receiveWebhook } from "../../core/operations/receive-webhook.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { toOperationContext } from "../boundary/edge.ts";
import { decodeDelivery } from "./incoming-decode.ts";
import { encodeReceipt } from "./incoming-encode.ts";

/** `POST /webhooks/in/{source}` */
export async function handleIncoming(c: EdgeContext): Promise<Response> {
  const source = c.req.param("source") ?? "";
  const context = toOperationContext(c);
  assertWebhookSource(context, source);
  const delivery = await decodeDelivery(c.req.raw, context.limits.MAX_REQUEST_BYTES);
  // A body takes its time: the one that counts for the replay window is now.
  return encodeReceipt(await receiveWebhook(toOperationContext(c), source, delivery));
}
