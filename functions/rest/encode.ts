import type { Json } from "../../core/event.ts";
import type { ListWindow, RecordPage, Stored } from "../../core/records.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import type { ListBodyOptions } from "../boundary/list-body.ts";
import { toListBody } from "../boundary/list-body.ts";
import type { Asked } from "./decode.ts";
import { BODY_TYPE_NAMES, PATCH_TYPE } from "./decode.ts";
import { isKnown, recordEtag, textEtag } from "./etag.ts";
import { encodeXml } from "./xml.ts";

export const ACCEPT_PATCH = [PATCH_TYPE, ...BODY_TYPE_NAMES].join(", ");

/** Resources belong to who is signed in, and are asked for again with `If-None-Match` before they are reused. */
const CACHE_CONTROL = "private, no-cache";
const VARY = "Accept, Authorization";

interface RecordAnswer {
  readonly status: 200 | 201;
  /** The record in the version that is asked for. */
  readonly view: object;
  /** The record's name in XML. */
  readonly singular: string;
}

/** Answers with one record. */
export function encodeRecord(
  stored: Stored<{ readonly id: string }>,
  asked: Asked,
  answer: RecordAnswer,
): Response {
  const headers = baseHeaders(asked, recordEtag(stored, asked.version, asked.representation.kind));
  const text = encodeText(answer.view, asked, answer.singular, answer.singular);
  return new Response(text, { status: answer.status, headers });
}

/** 304 where the client has this version already (RFC 9110 §15.4.5); undefined where it must be sent. */
export function encodeUnchanged(
  c: EdgeContext,
  stored: Stored<{ readonly id: string }>,
  asked: Asked,
): Response | undefined {
  const ifNoneMatch = c.req.header("if-none-match");
  if (ifNoneMatch === undefined) return undefined;
  const etag = recordEtag(stored, asked.version, asked.representation.kind);
  return isKnown(ifNoneMatch, etag) ? notModified(etag) : undefined;
}

interface ListAnswer extends ListBodyOptions {
  readonly singular: string;
}

/** Answers with a page of a list, or 304 where the client has just this page. */
export async function encodeList(
  c: EdgeContext,
  page: RecordPage<unknown>,
  asked: Asked,
  answer: ListAnswer,
): Promise<Response> {
  const text = encodeText(toListBody(page, answer), asked, "list", answer.singular);
  const etag = await textEtag(text, asked.representation.kind);
  if (isKnown(c.req.header("if-none-match"), etag)) return notModified(etag);
  const headers = baseHeaders(asked, etag);
  const link = toLinks(c.req.url, page, answer.window);
  return new Response(text, { headers: link === "" ? headers : { ...headers, link } });
}

/** RFC 8288 links to the pages around this one, relative to the host that was asked. */
function toLinks(url: string, page: RecordPage<unknown>, window: ListWindow): string {
  const isOnly = window.kind === "page" && window.page === 1 && (page.total ?? 0) <= window.perPage;
  if (isOnly) return "";
  const target = new URL(url);
  // A token in the query must not be handed on in a header that gets logged and copied.
  target.searchParams.delete("access_token");
  const link = (name: string, value: string, relation: string) => {
    target.searchParams.set(name, value);
    return `<${target.pathname}${target.search}>; rel="${relation}"`;
  };
  if (window.kind === "cursor")
    return page.nextCursor === undefined ? "" : link("cursor", page.nextCursor, "next");
  const pages = Math.ceil((page.total ?? 0) / window.perPage);
  const links: string[] = [];
  if (window.page < pages) links.push(link("page", String(window.page + 1), "next"));
  if (window.page > 1) links.push(link("page", String(window.page - 1), "prev"));
  if (pages > 1) links.push(link("page", "1", "first"), link("page", String(pages), "last"));
  return links.join(", ");
}

function encodeText(value: object, asked: Asked, root: string, dataName: string): string {
  switch (asked.representation.kind) {
    case "json":
    case "vnd":
      return JSON.stringify(value);
    case "xml":
    case "txml":
      // A view is made of what JSON can say, and so can be written in XML too.
      return encodeXml(root, value as Json, dataName);
    default:
      return assertNever(asked.representation.kind);
  }
}

/** A plain object: on the way of every read, a Headers of our own would only be copied into the answer's. */
function baseHeaders(asked: Asked, etag: string): Record<string, string> {
  const { mediaType, kind } = asked.representation;
  const isXml = kind === "xml" || kind === "txml";
  return { "content-type": isXml ? `${mediaType}; charset=utf-8` : mediaType, ...cacheHeaders(etag) };
}

function cacheHeaders(etag: string): Record<string, string> {
  return { etag, vary: VARY, "cache-control": CACHE_CONTROL };
}

function notModified(etag: string): Response {
  return new Response(null, { status: 304, headers: cacheHeaders(etag) });
}

function assertNever(value: never): never {
  throw new Error(`Unknown representation ${String(value)}`);
}
