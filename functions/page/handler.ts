import type { EdgeContext } from "../boundary/edge.ts";
import { servePageFile } from "../boundary/page-file.ts";
import type { Door } from "../door.ts";
import { prefersHtml } from "./decode.ts";
import { toCacheControl, toIndex, toPageHeaders } from "./encode.ts";

/** `GET /`: the page for who asks for HTML, and for everybody else an index in JSON. */
export async function handleRoot(c: EdgeContext, doors: readonly Door[]): Promise<Response> {
  const { page, settings } = c.get("edge");
  if (page === undefined || !prefersHtml(c.req.header("accept"))) {
    const { tcpPorts } = settings;
    const index = toIndex(new URL(c.req.url).origin, doors, { hasPage: page !== undefined, tcpPorts });
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

/** `GET /assets/{file}`: what the page is made of, under names that change with what is in them. */
export function handleAsset(c: EdgeContext): Promise<Response> {
  return servePageFile(c, toCacheControl(c.req.path));
}
