import type { WebhookReceipt } from "../../core/operations/receive-webhook.ts";

/** 200 also for a delivery that came before: any other status would make its sender try again. */
export function encodeReceipt({ id, sequence, duplicate }: WebhookReceipt): Response {
  return new Response(JSON.stringify({ id, sequence, duplicate }), {
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
}
