import { EverywireError } from "../../core/error.ts";
import { decodeUtf8, mediaType, readBytes } from "../boundary/body.ts";
import type { Params } from "./method.ts";

/** An id as it came, which is how it goes back. */
export type Id = string | number | null;

/** One request object (JSON-RPC 2.0 §4). Without `id` it is a notification, and is not answered. */
export interface Call {
  readonly kind: "call";
  readonly id: Id | undefined;
  readonly method: string;
  readonly params: Params;
}

/** What is no request object. It is answered even so, with its id where that could be read. */
export interface InvalidCall {
  readonly kind: "invalid";
  readonly id: Id;
}

/** What one message holds: a call, several, or nothing that can be read. */
export type Message =
  | Call
  | InvalidCall
  | { readonly kind: "batch"; readonly calls: readonly unknown[] }
  | { readonly kind: "unreadable" };

/** The media types of JSON-RPC over HTTP. */
const MEDIA_TYPES = ["application/json", "application/json-rpc", "application/jsonrequest"];

/** Reads a message. @param text undefined where it was no text */
export function decodeMessage(text: string | undefined): Message {
  try {
    const value = JSON.parse(text ?? "") as unknown;
    return Array.isArray(value) ? { kind: "batch", calls: value } : decodeCall(value);
  } catch {
    return { kind: "unreadable" };
  }
}

/** Reads a request object. */
export function decodeCall(value: unknown): Call | InvalidCall {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return { kind: "invalid", id: null };
  const { jsonrpc, id, method, params } = value as Readonly<Record<string, unknown>>;
  const isId = typeof id === "string" || typeof id === "number" || id === null;
  const isGood =
    jsonrpc === "2.0" &&
    typeof method === "string" &&
    (id === undefined || isId) &&
    (params === undefined || (typeof params === "object" && params !== null));
  if (!isGood) return { kind: "invalid", id: isId ? id : null };
  return { kind: "call", id: isId ? id : undefined, method, params: params as Params };
}

/** @throws EverywireError `unsupported_media_type`, `payload_too_large` */
export async function decodeBody(request: Request, maxBytes: number): Promise<string | undefined> {
  if (!MEDIA_TYPES.includes(mediaType(request))) {
    throw new EverywireError("unsupported_media_type", `Send ${MEDIA_TYPES[0]}.`);
  }
  const bytes = await readBytes(request, maxBytes);
  try {
    return decodeUtf8(bytes);
  } catch {
    // What is not UTF-8 is not JSON either: the dispatcher has the answer to that.
    return undefined;
  }
}
