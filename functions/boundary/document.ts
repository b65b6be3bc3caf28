import { prepareHeaders } from "./response-headers.ts";

/** A text that is the same for everybody, with what tells that a client has it already. */
export interface Document {
  readonly text: string;
  /** A strong entity tag (RFC 9110 §8.8.3): a hash of the text. */
  readonly etag: string;
  /** Of the answer that has the text, and of the one that says that it is known. */
  readonly headers: Headers;
  readonly validators: Headers;
}

/** Makes a document, once: what it costs to write and to hash is not paid by those who ask for it. */
export async function createDocument(
  text: string,
  {
    contentType = "application/json",
    cacheControl,
  }: { readonly contentType?: string; readonly cacheControl: string },
): Promise<Document> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  const hash = Array.from(digest.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const validators = { etag: `"${hash}"`, "cache-control": cacheControl };
  return {
    text,
    etag: validators.etag,
    headers: prepareHeaders({ "content-type": contentType, ...validators }),
    validators: prepareHeaders(validators),
  };
}

/** Answers with a document, or 304 where the client has it (RFC 9110 §15.4.5); no object is asked for either. */
export function answerDocument(request: Request, document: Document): Response {
  const { text, etag, headers, validators } = document;
  if (isKnown(request.headers.get("if-none-match"), etag)) {
    return new Response(null, { status: 304, headers: validators });
  }
  return new Response(text, { headers });
}

/** Weak comparison (RFC 9110 §13.1.2): a proxy that compresses makes the tag a weak one. */
function isKnown(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  const known = ifNoneMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known.includes(etag) || known.includes("*");
}
