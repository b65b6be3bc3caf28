import { VERSION } from "../../core/version.ts";
import type { Door } from "../door.ts";

const KEPT = ["content-type", "content-encoding", "etag", "content-length"] as const;
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);
const YEAR_SECONDS = 365 * 24 * 3600;

/** For programs that ask at the root: what there is, and where it is described. */
export function toIndex(origin: string, doors: readonly Door[], hasPage: boolean) {
  const links = {
    capabilities: "/capabilities",
    openapi: "/openapi.json",
    health: "/health",
    ready: "/ready",
    docs: "/docs",
    graphql: "/graphql",
    rpc: "/rpc",
  };
  return {
    name: "everywire",
    version: VERSION,
    description: "One backend, every wire protocol: one log, read and written through every door.",
    ...(hasPage ? { page: `${origin}/ with "accept: text/html"` } : {}),
    links: Object.fromEntries(Object.entries(links).map(([name, path]) => [name, `${origin}${path}`])),
    doors: doors
      .filter((door) => door.guarantees !== undefined)
      .map(({ name, summary, example }) => ({
        name,
        summary,
        example: example.replaceAll("{url}", origin).replaceAll("{ws}", origin.replace(/^http/, "ws")),
      })),
  };
}

/** The document itself is asked for again each time (a 304 where it is the same), so that a deploy is seen at once. */
export function toPageHeaders(found: Headers, url: URL): Headers {
  const headers = pick(found);
  headers.set("cache-control", "no-cache");
  headers.set("vary", "Accept, Accept-Encoding");
  headers.set("content-security-policy", toPolicy(url));
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("permissions-policy", "camera=(), geolocation=(), microphone=()");
  return headers;
}

/** A file's name has the hash of what is in it: what was fetched once stays good. */
export function toAssetHeaders(found: Headers, path: string): Headers {
  const headers = pick(found);
  const isHashed = path.startsWith("/assets/");
  headers.set(
    "cache-control",
    isHashed ? `public, max-age=${YEAR_SECONDS}, immutable` : "public, max-age=3600",
  );
  headers.set("vary", "Accept-Encoding");
  return headers;
}

function pick(found: Headers): Headers {
  const headers = new Headers();
  for (const name of KEPT) {
    const value = found.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/**
 * Content Security Policy, level 3. Nothing comes from anywhere else. The page connects to its own host: to every port
 * of it by TLS, where the gateway is, and on a developer's machine by each of the names that mean that machine, since
 * browsers keep at most six HTTP/1.1 connections to one name.
 */
function toPolicy({ protocol, host, hostname, port }: URL): string {
  const socket = protocol === "https:" ? "wss:" : "ws:";
  const connect = ["'self'", `${socket}//${host}`, `https://${hostname}:*`];
  if (LOOPBACK.has(hostname)) {
    for (const name of ["localhost", "127.0.0.1"]) {
      connect.push(`${protocol}//${name}${port === "" ? "" : `:${port}`}`, `https://${name}:*`);
    }
  }
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${[...new Set(connect)].join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
