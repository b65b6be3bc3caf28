import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { Response } from "miniflare";
import { PAGE_FILE_TYPES } from "./page-file-types.ts";
import { PAGE } from "./paths.ts";

/**
 * Serves `dist/web` to the Worker, as the platform's asset store does in a deploy. It stands beside the Worker, and not
 * in front of it as Miniflare's own would, so that no request of an API waits for it.
 */
export function servePageFiles(request: Request): Response {
  const { pathname } = new URL(request.url);
  const path = normalize(pathname === "/" ? "/index.html" : decodeURIComponent(pathname));
  const type = PAGE_FILE_TYPES[extname(path)];
  const content = type === undefined ? undefined : read(path);
  if (type === undefined || content === undefined) return new Response(null, { status: 404 });
  const etag = `"${createHash("sha256").update(content).digest("base64url").slice(0, 22)}"`;
  if (request.headers.get("if-none-match")?.replace(/^W\//, "") === etag) {
    return new Response(null, { status: 304, headers: { etag } });
  }
  const isZipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  return new Response(content, {
    // Miniflare compresses what says that it is.
    headers: { "content-type": type, etag, ...(isZipped ? { "content-encoding": "gzip" } : {}) },
  });
}

function read(path: string): Uint8Array | undefined {
  try {
    return readFileSync(join(PAGE, path));
  } catch {
    return undefined;
  }
}
