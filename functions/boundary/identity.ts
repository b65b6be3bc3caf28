import { EverywireError } from "../../core/error.ts";
import type { Identity } from "../../core/identity.ts";
import type { Edge } from "./edge.ts";

const BEARER = /^Bearer +([^\s]+) *$/i;
const SUBPROTOCOL_PREFIX = "bearer.";

/**
 * Finds who asks (CONTRACT §6): `Authorization: Bearer`, then `?access_token=` (RFC 6750 §2.3, for EventSource and
 * WebSocket, which cannot set headers), then the WebSocket subprotocol `bearer.{token}`.
 *
 * @throws EverywireError `unauthenticated` where a token is there and is not good: a bad token is never "nobody"
 */
export async function identify(request: Request, edge: Edge): Promise<Identity> {
  const token = findToken(request);
  return token === undefined ? toAnonymous(request, edge) : edge.ports.tokens.verify(token);
}

/**
 * Who asks, where that is known without waiting: nobody, or the bearer of a token that was good before. Undefined otherwise,
 * also where something is wrong, which {@link identify} then tells.
 */
export function recognize(request: Request, edge: Edge): Identity | undefined {
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    const token = BEARER.exec(authorization)?.[1];
    return token === undefined ? undefined : edge.ports.tokens.recall(token);
  }
  const isElsewhere = request.url.includes("access_token=") || request.headers.has("sec-websocket-protocol");
  return isElsewhere ? undefined : toAnonymous(request, edge);
}

/** Whoever sends a request, by where it comes from alone. */
export function toAnonymous(request: Request, edge: Pick<Edge, "addressOf">): Identity {
  return { kind: "anonymous", address: edge.addressOf(request) };
}

function findToken(request: Request): string | undefined {
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    const token = BEARER.exec(authorization)?.[1];
    if (token === undefined)
      throw new EverywireError("unauthenticated", "Authorization must be 'Bearer {token}'.");
    return token;
  }
  const { url } = request;
  // Parsing a URL costs more than looking whether there is anything to find in it.
  if (url.includes("access_token=")) {
    const token = new URL(url).searchParams.get("access_token");
    if (token !== null) return token;
  }
  return listSubprotocols(request)
    .find((protocol) => protocol.startsWith(SUBPROTOCOL_PREFIX))
    ?.slice(SUBPROTOCOL_PREFIX.length);
}

/** The subprotocols that a WebSocket client offers (RFC 6455 §4.1, item 10). */
function listSubprotocols(request: Request): readonly string[] {
  const offered = request.headers.get("sec-websocket-protocol");
  return offered === null ? [] : offered.split(",").map((protocol) => protocol.trim());
}

/**
 * Which offered subprotocol to answer with: a server that answers none makes browsers drop the connection, so the
 * `bearer.` one is echoed where nothing better is offered.
 */
export function chooseSubprotocol(request: Request, supported: readonly string[]): string | undefined {
  const offered = listSubprotocols(request);
  return (
    offered.find((protocol) => supported.includes(protocol)) ??
    offered.find((protocol) => protocol.startsWith(SUBPROTOCOL_PREFIX))
  );
}
