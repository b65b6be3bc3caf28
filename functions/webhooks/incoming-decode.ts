import type { WebhookDelivery } from "../../core/webhook-schemes/scheme.ts";
import { readBytes } from "../boundary/body.ts";

/** Takes a delivery as it came. @throws EverywireError `payload_too_large` */
export async function decodeDelivery(request: Request, maxBytes: number): Promise<WebhookDelivery> {
  const body = await readBytes(request, maxBytes);
  return { body, header: (name) => request.headers.get(name) ?? undefined };
}
