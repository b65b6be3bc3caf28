import { EverywireError } from "../error.ts";
import { decodeContent, fieldsOf } from "./content.ts";
import type { WebhookScheme } from "./scheme.ts";
import type { Verifier } from "./signature.ts";
import { assertRecent, decodeHex, joinBytes, mismatch, refused, requireHeader } from "./signature.ts";

const SIGNATURE = "Stripe-Signature";
const TOLERANCE_SECONDS = 300;

/**
 * Stripe (docs.stripe.com/webhooks, "Verify webhook signatures manually"): an HMAC of `{t}.{body}`, one `v1` for each
 * secret that is good at the time. Other schemes (`v0`, of test events) are not looked at.
 */
export function createStripeScheme(verifier: Verifier): WebhookScheme {
  return {
    async verify(delivery, nowMs) {
      const header = requireHeader(delivery.header(SIGNATURE), SIGNATURE);
      const { timestamp, signatures } = decodeSignature(header);
      if (!(await verifier.matches(joinBytes(timestamp, ".", delivery.body), signatures))) throw mismatch();
      assertRecent(timestamp, TOLERANCE_SECONDS, nowMs);
    },
    read(delivery) {
      const content = decodeContent(delivery);
      const { id, type } = fieldsOf(content);
      if (typeof id !== "string" || typeof type !== "string") {
        throw new EverywireError("invalid_argument", "An event of Stripe is JSON with an 'id' and a 'type'.");
      }
      return { id, type: `stripe.${type}`, content };
    },
  };
}

function decodeSignature(header: string) {
  const parts = header.split(",").map((part) => {
    const equals = part.indexOf("=");
    return [part.slice(0, equals).trim(), part.slice(equals + 1).trim()] as const;
  });
  const [timestamp, ...more] = parts.flatMap(([name, value]) => (name === "t" ? [value] : []));
  if (timestamp === undefined || more.length > 0) throw refused(`'${SIGNATURE}' has one 't'.`);
  const signatures = parts.flatMap(([name, value]) =>
    name === "v1" ? (decodeHex(value) ?? []) : [],
  ) as Uint8Array<ArrayBuffer>[];
  return { timestamp, signatures };
}
