import { EverywireError } from "../../core/error.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import type { Door } from "../door.ts";
import { prefersHtml } from "./decode.ts";
import { toAssetHeaders, toIndex, toPageHeaders } from "./encode.ts";

/** `GET /`: the page for who asks for HTML, and for everybody else an index in JSON. */
export async function handleRoot(c: EdgeContext, doors: readonly Door[]): Promise<Response> {
  const { page } = c.get("edge");
  if (page === undefined || !prefersHtml(c.req.header("accept"))) {
    const index = toIndex(new URL(c.req.url).origin, doors, page !== undefined);
    return new Response(`${JSON.stringify(index, null, 2)}\n`, {
      headers: { "content-type": "application/json", "cache-control": "no-cache", vary: "Accept" },
    });
  }
  const found = await page.fetch(c.req.raw);
  return new Response(found.body, {
    status: found.status,
    headers: toPageHeaders(found.headers, new URL(c.req.url)),
  });
}

/**
 * `GET /assets/{file}`: what the page is made of, under names that change with what is in them.
 *
 * @throws EverywireError `not_found` also where this Worker was set up without the page
 */
export async function handleAsset(c: EdgeContext): Promise<Response> {
  const found = await c.get("edge").page?.fetch(c.req.raw);
  if (found === undefined || found.status === 404) {
    await found?.body?.cancel();
    throw new EverywireError("not_found", "There is nothing at this path.");
  }
  return new Response(found.body, {
    status: found.status,
    headers: toAssetHeaders(found.headers, c.req.path),
  });
}
