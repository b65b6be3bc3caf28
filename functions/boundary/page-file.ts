import { EverywireError } from "../../core/error.ts";
import type { EdgeContext } from "./edge.ts";

const KEPT = ["content-type", "content-encoding", "etag", "content-length"] as const;

/**
 * A file of the page's store, at the path that was asked for.
 *
 * @throws EverywireError `not_found` also where this Worker was set up without files
 */
export async function servePageFile(c: EdgeContext, cacheControl: string): Promise<Response> {
  const found = await c.get("edge").page?.fetch(c.req.raw);
  if (found === undefined || found.status === 404) {
    await found?.body?.cancel();
    throw new EverywireError("not_found", "There is nothing at this path.");
  }
  const headers = keepFileHeaders(found.headers);
  headers.set("cache-control", cacheControl);
  headers.set("vary", "Accept-Encoding");
  return new Response(found.body, { status: found.status, headers });
}

/** What the store says of a file itself; the rest is the Worker's to say. */
export function keepFileHeaders(found: Headers): Headers {
  const headers = new Headers();
  for (const name of KEPT) {
    const value = found.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}
