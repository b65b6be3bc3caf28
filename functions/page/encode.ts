import type { Settings, TcpPortName } from "../../core/settings.ts";
import { VERSION } from "../../core/version.ts";
import { keepFileHeaders } from "../boundary/page-file.ts";
import type { Door } from "../door.ts";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);
const YEAR_SECONDS = 365 * 24 * 3600;

/** What describes this server, and which door is there for it. */
const LINKS = [
  ["system", "capabilities", "/capabilities"],
  ["rest", "openapi", "/openapi.json"],
  ["system", "health", "/health"],
  ["system", "ready", "/ready"],
  ["rest", "docs", "/docs"],
  ["guide", "guide", "/guide"],
  ["graphql", "graphql", "/graphql"],
  ["json-rpc", "rpc", "/rpc"],
] as const;

export interface IndexOptions {
  readonly hasPage: boolean;
  readonly tcpPorts: Settings["tcpPorts"];
}

/** For programs that ask at the root: what there is, and where it is described. */
export function toIndex(origin: string, doors: readonly Door[], { hasPage, tcpPorts }: IndexOptions) {
  const links = LINKS.filter(([door]) => doors.some(({ name }) => name === door));
  return {
    name: "everywire",
    version: VERSION,
    description: "One backend, every wire protocol: one log, read and written through every door.",
    ...(hasPage ? { page: `${origin}/ with "accept: text/html"` } : {}),
    links: Object.fromEntries(links.map(([, name, path]) => [name, `${origin}${path}`])),
    doors: doors
      .filter((door) => door.guarantees !== undefined)
      .map(({ name, summary, example }) => ({
        name,
        summary,
        example: example
          .replaceAll("{url}", origin)
          .replaceAll("{ws}", origin.replace(/^http/, "ws"))
          .replaceAll("{host}", new URL(origin).hostname)
          .replace(/\{(TCP_PORT|MQTT_PORT)\}/g, (whole, name: TcpPortName) => `${tcpPorts[name] ?? whole}`),
      })),
  };
}

/** The document itself is asked for again each time (a 304 where it is the same), so that a deploy is seen at once. */
export function toPageHeaders(found: Headers, url: URL): Headers {
  const headers = keepFileHeaders(found);
  headers.set("cache-control", "no-cache");
  headers.set("vary", "Accept, Accept-Encoding");
  headers.set("content-security-policy", toPolicy(url));
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("permissions-policy", "camera=(), geolocation=(), microphone=()");
  return headers;
}

/** A file's name has the hash of what is in it: what was fetched once stays good. */
export function toCacheControl(path: string): string {
  return path.startsWith("/assets/") ? `public, max-age=${YEAR_SECONDS}, immutable` : "public, max-age=3600";
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
