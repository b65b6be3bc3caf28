import { decodeContent, fieldsOf, typeFrom } from "./content.ts";
import type { WebhookDelivery, WebhookScheme } from "./scheme.ts";
import type { Verifier } from "./signature.ts";
import { assertRecent, decodeBase64, joinBytes, mismatch, refused } from "./signature.ts";

const TOLERANCE_SECONDS = 300;
/** Senders that began with Svix sign under its names; a sender may use both at once. */
const FAMILIES = ["webhook", "svix"] as const;

/** The two kinds of signature of the specification; a source has secrets of one kind or of both. */
export interface StandardVerifiers {
  /** `v1`: HMAC-SHA256, from `whsec_` secrets. */
  readonly symmetric?: Verifier | undefined;
  /** `v1a`: Ed25519, from `whpk_` public keys. */
  readonly asymmetric?: Verifier | undefined;
}

/**
 * Standard Webhooks (standard-webhooks.com, specification 1.0), which is Svix's scheme too: a signature of
 * `{id}.{timestamp}.{body}`.
 *
 * @param typePrefix what stands before the sender's own type, that of its body where it has one
 */
export function createStandardScheme(verifiers: StandardVerifiers, typePrefix: string): WebhookScheme {
  return {
    async verify(delivery, nowMs) {
      const { id, timestamp, signature } = requireHeaders(delivery);
      const content = joinBytes(id, ".", timestamp, ".", delivery.body);
      const isSigned =
        (await verifiers.symmetric?.matches(content, decodeSignatures(signature, "v1"))) ||
        (await verifiers.asymmetric?.matches(content, decodeSignatures(signature, "v1a")));
      if (isSigned !== true) throw mismatch();
      assertRecent(timestamp, TOLERANCE_SECONDS, nowMs);
    },
    read(delivery) {
      const content = decodeContent(delivery);
      return {
        id: requireHeaders(delivery).id,
        type: typeFrom(typePrefix, fieldsOf(content).type),
        content,
      };
    },
  };
}

function requireHeaders(delivery: WebhookDelivery) {
  for (const family of FAMILIES) {
    const id = delivery.header(`${family}-id`);
    const timestamp = delivery.header(`${family}-timestamp`);
    const signature = delivery.header(`${family}-signature`);
    if (id && timestamp && signature) return { id, timestamp, signature };
  }
  throw refused("One of the headers 'webhook-id', 'webhook-timestamp' and 'webhook-signature' is missing.");
}

/** `v1,{base64} v1,{base64} ...` */
function decodeSignatures(header: string, version: string): Uint8Array<ArrayBuffer>[] {
  return header.split(" ").flatMap((part) => {
    const isOurs = part.startsWith(`${version},`);
    return (isOurs ? decodeBase64(part.slice(version.length + 1)) : undefined) ?? [];
  });
}
