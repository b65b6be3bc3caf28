import { EverywireError } from "../error.ts";
import { decodeContent, fieldsOf, typeFrom } from "./content.ts";
import type { WebhookContent, WebhookDelivery, WebhookScheme } from "./scheme.ts";
import type { Verifier } from "./signature.ts";
import { assertRecent, decodeBase64, decodeHex, joinBytes, mismatch, requireHeader } from "./signature.ts";

/** How a sender of its own kind signs: most differ in nothing but these. */
export interface HmacOptions {
  /** The header with the signature. */
  readonly header: string;
  readonly encoding: "hex" | "base64";
  /** What stands before the signature in its header, such as `sha256=`. */
  readonly prefix: string;
  /** What is signed, with `{body}`, `{timestamp}` and `{id}` for what they name. */
  readonly signedContent: string;
  readonly timestampHeader?: string | undefined;
  readonly toleranceSeconds: number;
  readonly idHeader?: string | undefined;
  /** A member of a JSON body. */
  readonly idField?: string | undefined;
  readonly typeHeader?: string | undefined;
  /** A member of a JSON body. */
  readonly typeField: string;
}

const PLACEHOLDER = /\{(body|timestamp|id)\}/;

/**
 * Any sender that signs with an HMAC.
 *
 * @param typePrefix what stands before the sender's own type
 */
export function createHmacScheme(
  verifier: Verifier,
  options: HmacOptions,
  typePrefix: string,
): WebhookScheme {
  return {
    async verify(delivery, nowMs) {
      const { header, prefix, encoding, timestampHeader, toleranceSeconds } = options;
      const value = requireHeader(delivery.header(header), header);
      const text = value.startsWith(prefix) ? value.slice(prefix.length).trim() : "";
      const signature = encoding === "hex" ? decodeHex(text) : decodeBase64(text);
      const content = toSignedContent(delivery, options);
      if (signature === undefined || !(await verifier.matches(content, [signature]))) throw mismatch();
      if (timestampHeader === undefined) return;
      assertRecent(requireHeader(delivery.header(timestampHeader), timestampHeader), toleranceSeconds, nowMs);
    },
    async read(delivery) {
      const content = decodeContent(delivery);
      const type =
        options.typeHeader === undefined
          ? fieldsOf(content)[options.typeField]
          : delivery.header(options.typeHeader);
      return {
        id: await idOf(delivery, content, options),
        type: typeFrom(typePrefix, type),
        content,
      };
    },
  };
}

/** @throws EverywireError `unauthenticated` where a header that is signed is missing */
function toSignedContent(delivery: WebhookDelivery, options: HmacOptions): Uint8Array<ArrayBuffer> {
  const { idHeader, timestampHeader } = options;
  const requireValue = (header: string | undefined) =>
    header === undefined ? "" : requireHeader(delivery.header(header), header);
  // Splitting by a group gives text and names in turn.
  const parts = options.signedContent.split(PLACEHOLDER).map((part, index) => {
    if (index % 2 === 0) return part;
    if (part === "body") return delivery.body;
    return requireValue(part === "id" ? idHeader : timestampHeader);
  });
  return joinBytes(...parts);
}

async function idOf(
  delivery: WebhookDelivery,
  content: WebhookContent,
  options: HmacOptions,
): Promise<string> {
  const { idHeader, idField } = options;
  if (idHeader !== undefined) {
    const id = delivery.header(idHeader);
    if (id) return id;
    throw new EverywireError("invalid_argument", `The header '${idHeader}' is missing.`);
  }
  if (idField !== undefined) {
    const id = fieldsOf(content)[idField];
    if ((typeof id === "string" && id !== "") || typeof id === "number") return String(id);
    throw new EverywireError("invalid_argument", `The body has no '${idField}'.`);
  }
  // Who has no ids sends the same bytes again when it repeats itself: what was signed is the only name there is.
  const digest = await crypto.subtle.digest("SHA-256", toSignedContent(delivery, options));
  const hex = Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0"));
  return `sha256-${hex.join("")}`;
}
