import { EverywireError } from "../error.ts";
import { decodeContent, mediaTypeOf, parseJson } from "./content.ts";
import type { WebhookContent, WebhookDelivery, WebhookScheme } from "./scheme.ts";
import type { Verifier } from "./signature.ts";
import { decodeHex, mismatch, requireHeader } from "./signature.ts";

const SIGNATURE = "X-Hub-Signature-256";
const PREFIX = "sha256=";
const EVENT_NAME = /^[a-z0-9_.-]{1,100}$/i;
const UTF8 = new TextDecoder();

/**
 * GitHub (docs.github.com, "Validating webhook deliveries"): an HMAC of the body. There is no time in it, so what keeps
 * a delivery from being replayed is its id alone, which is not signed.
 */
export function createGithubScheme(verifier: Verifier): WebhookScheme {
  return {
    async verify(delivery) {
      const header = requireHeader(delivery.header(SIGNATURE), SIGNATURE);
      const signature = header.startsWith(PREFIX) ? decodeHex(header.slice(PREFIX.length)) : undefined;
      if (signature === undefined || !(await verifier.matches(delivery.body, [signature]))) throw mismatch();
    },
    read(delivery) {
      const event = delivery.header("X-GitHub-Event");
      if (event === undefined || !EVENT_NAME.test(event)) {
        throw new EverywireError("invalid_argument", "The header 'X-GitHub-Event' names no event.");
      }
      const id = delivery.header("X-GitHub-Delivery");
      if (id === undefined || id === "") {
        throw new EverywireError("invalid_argument", "The header 'X-GitHub-Delivery' is missing.");
      }
      return { id, type: `github.${event}`, content: decodeGithubContent(delivery) };
    },
  };
}

/** A webhook that is set up with the content type of forms sends the same JSON in the field `payload`. */
function decodeGithubContent(delivery: WebhookDelivery): WebhookContent {
  if (mediaTypeOf(delivery.header("content-type")) === "application/x-www-form-urlencoded") {
    const payload = new URLSearchParams(UTF8.decode(delivery.body)).get("payload");
    const json = payload === null ? undefined : parseJson(payload);
    if (json !== undefined) return { datacontenttype: "application/json", data: json.value };
  }
  return decodeContent(delivery);
}
