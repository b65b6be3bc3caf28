import { Buffer } from "node:buffer";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The data of a CloudEvent, in the members of its JSON form. */
export interface EventData {
  readonly datacontenttype?: string;
  readonly data?: unknown;
  readonly data_base64?: string;
}

/**
 * The data that bytes are by their content type: JSON, text that is UTF-8, and else the bytes themselves. Without a content type
 * it is text where `isTextLikely`, and bytes.
 *
 * @throws Error where it is not the JSON that it says it is
 */
export function toEventData(
  bytes: Uint8Array,
  contentType: string | undefined,
  { isTextLikely }: { readonly isTextLikely: boolean },
): EventData {
  if (bytes.byteLength === 0) return contentType === undefined ? {} : { datacontenttype: contentType };
  if (contentType !== undefined && isJson(contentType))
    return { datacontenttype: contentType, data: JSON.parse(UTF8.decode(bytes)) };
  const isText = contentType?.startsWith("text/") ?? isTextLikely;
  const text = isText ? decode(bytes) : undefined;
  if (text !== undefined) return { datacontenttype: contentType ?? "text/plain", data: text };
  return {
    datacontenttype: contentType ?? "application/octet-stream",
    data_base64: Buffer.from(bytes).toString("base64"),
  };
}

/** The bytes that the data of an event is on a wire that has a content type beside them. */
export function fromEventData({ datacontenttype, data, data_base64: base64 }: EventData): Buffer {
  if (typeof base64 === "string") return Buffer.from(base64, "base64");
  if (data === undefined) return Buffer.alloc(0);
  // Without a content type data is JSON (CloudEvents JSON format §3.1).
  const isText = typeof data === "string" && datacontenttype !== undefined && !isJson(datacontenttype);
  return Buffer.from(isText ? data : JSON.stringify(data));
}

function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^[^;]*[/+]json\s*(;|$)/i.test(contentType);
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}
