/** Path to what it is: written by the build. */
type Manifest = Readonly<Record<string, { readonly type: string; readonly etag: string }>>;

interface Env {
  /** The folder with the page's files; it knows no types and no ETags. */
  readonly FOLDER: Fetcher;
  readonly MANIFEST: Manifest;
}

/** Serves the page's files to the Worker, as the platform's asset store does in a deploy. */
export default {
  async fetch(request: Request, { FOLDER, MANIFEST }: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    const path = pathname === "/" ? "/index.html" : pathname;
    const file = Object.hasOwn(MANIFEST, path) ? MANIFEST[path] : undefined;
    if (file === undefined) return new Response(null, { status: 404 });
    const { type, etag } = file;
    if (request.headers.get("if-none-match")?.replace(/^W\//, "") === etag) {
      return new Response(null, { status: 304, headers: { etag } });
    }
    const found = await FOLDER.fetch(`http://folder${path}`);
    if (!found.ok) return new Response(null, { status: 404 });
    const isZipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
    return new Response(found.body, {
      // Workerd compresses what says that it is.
      headers: { "content-type": type, etag, ...(isZipped ? { "content-encoding": "gzip" } : {}) },
    });
  },
} satisfies ExportedHandler<Env>;
