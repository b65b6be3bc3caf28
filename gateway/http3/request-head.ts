import { GatewayError } from "../gateway-error.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HeaderList } from "../http/headers.ts";
import type { Field } from "../qpack/qpack.ts";

/** The head of a request, checked (RFC 9114 §4.3.1). */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  /** Of an extended CONNECT (RFC 9220): what to speak on the stream. */
  readonly protocol: string | undefined;
  readonly headers: HeaderList;
  readonly origin: Exchange["origin"];
}

const PSEUDO = new Set([":method", ":scheme", ":authority", ":path", ":protocol"]);
/** RFC 9110 §5.6.2, in lower case as RFC 9114 §4.2 has it. */
const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const CONNECTION_FIELDS = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** @throws GatewayError `invalid_argument` where the message is malformed */
export function parseHead(fields: readonly Field[], remoteAddress: string): RequestHead {
  const pseudo = new Map<string, string>();
  const headers: [string, string][] = [];
  for (const [name, value] of fields) {
    if (name.startsWith(":")) {
      if (!PSEUDO.has(name) || pseudo.has(name) || headers.length > 0)
        throw malformed("pseudo-header fields");
      pseudo.set(name, value);
    } else if (!NAME.test(name) || hasControls(value) || CONNECTION_FIELDS.has(name))
      throw malformed("a header field");
    else headers.push([name, value]);
  }
  const method = pseudo.get(":method");
  const path = pseudo.get(":path");
  const scheme = pseudo.get(":scheme");
  const protocol = pseudo.get(":protocol");
  const authority = pseudo.get(":authority") ?? headers.find(([name]) => name === "host")?.[1] ?? "";
  if (method === undefined || !NAME.test(method.toLowerCase())) throw malformed("the method");
  if (scheme === undefined || path === undefined || hasControls(path)) throw malformed("the target");
  if (!path.startsWith("/") && !(method === "OPTIONS" && path === "*")) throw malformed("the path");
  if (protocol !== undefined && method !== "CONNECT") throw malformed(":protocol");
  return {
    method,
    path,
    protocol,
    headers,
    origin: { remoteAddress, authority, scheme: "https", version: "3" },
  };
}

/** Whether there is a byte that would end a line of HTTP/1.1, or is no text. */
function hasControls(value: string): boolean {
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return true;
  }
  return false;
}

function malformed(what: string): GatewayError {
  return new GatewayError("invalid_argument", `The request is malformed: ${what}.`);
}
