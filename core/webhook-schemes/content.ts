import { toBase64 } from "../base64.ts";
import type { Json } from "../event.ts";
import type { WebhookContent, WebhookDelivery } from "./scheme.ts";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
const UTF8_EXACTLY = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const JSON_TYPE = /^[^/]+\/(?:json|[^/]+\+json)$/;
const TEXT_TYPE = /^(?:text\/.+|application\/(?:xml|[^/]+\+xml|x-www-form-urlencoded))$/;
const MAX_TYPE_LENGTH = 200;

/**
 * The body as `data`: JSON as itself, text as a string, and what is neither as bytes. A body that says it is JSON and is
 * not stays bytes too: its sender was verified, and would send it again and again if it were refused.
 */
export function decodeContent(delivery: WebhookDelivery): WebhookContent {
  const { body } = delivery;
  if (body.byteLength === 0) return {};
  const contentType = delivery.header("content-type");
  const type = mediaTypeOf(contentType);
  if (type === "" || JSON_TYPE.test(type)) {
    const json = parseJson(body);
    if (json !== undefined) return { datacontenttype: "application/json", data: json.value };
  }
  const named = contentType === undefined ? {} : { datacontenttype: contentType };
  const text = TEXT_TYPE.test(type) ? decodeText(body) : undefined;
  return text === undefined ? { ...named, data_base64: toBase64(body) } : { ...named, data: text };
}

/** The members of a body that is a JSON object; none of any other. */
export function fieldsOf({ data }: WebhookContent): Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null && !Array.isArray(data)
    ? (data as Readonly<Record<string, unknown>>)
    : {};
}

/** What a sender calls an event; `message` where it says nothing that could be part of a type. */
export function typeFrom(prefix: string, value: unknown): string {
  const isName = typeof value === "string" && value !== "" && value.length <= MAX_TYPE_LENGTH;
  return `${prefix}.${isName ? value : "message"}`;
}

/** In lower case, without parameters; "" where there is none. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType?.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** @returns undefined where it is no JSON in UTF-8 */
export function parseJson(body: Uint8Array | string): { readonly value: Json } | undefined {
  try {
    return { value: JSON.parse(typeof body === "string" ? body : UTF8.decode(body)) as Json };
  } catch {
    return undefined;
  }
}

/** @returns undefined where the text would not come back as the same bytes */
function decodeText(body: Uint8Array): string | undefined {
  try {
    return UTF8_EXACTLY.decode(body);
  } catch {
    return undefined;
  }
}
