import { EverywireError } from "../../core/error.ts";
import { getAvatar } from "../../core/operations/manage-avatars.ts";
import type { EdgeContext } from "../boundary/edge.ts";
import { takeRequest, toOperationContext } from "../boundary/edge.ts";
import { chooseSubprotocol } from "../boundary/identity.ts";
import { queryOf } from "../boundary/request-target.ts";
import { createGraphqlContext } from "./context.ts";
import { graphiqlAsset, graphiqlPage } from "./graphiql.ts";
import type { Prepared } from "./plain-operation.ts";
import { answerGraphql, answerPlainly } from "./server.ts";
import { GRAPHQL_SUBPROTOCOL } from "./socket.ts";

/** `GET` and `POST /graphql` (GraphQL over HTTP), over which subscriptions come as an event stream. */
export async function handleGraphql(c: EdgeContext): Promise<Response> {
  const request = c.req.raw;
  if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return openGraphqlSocket(c);
  const context = createGraphqlContext(toOperationContext(c), c.env.requestId, () =>
    takeRequest(c.get("edge"), c.get("identity")),
  );
  const prepared: Prepared = {};
  const plain = await answerPlainly(request, context, prepared);
  if (plain !== undefined) return plain;
  if (c.get("edge").page !== undefined && asksForPage(request)) return graphiqlPage();
  return finish(await answerGraphql(request, context, prepared));
}

/** What an answer of the library needs yet. */
function finish(response: Response): Response {
  if (response.status === 406) {
    throw new EverywireError(
      "not_acceptable",
      "This answers application/graphql-response+json and application/json.",
    );
  }
  // How a body is framed is the runtime's to say.
  for (const name of ["connection", "transfer-encoding", "content-encoding"]) response.headers.delete(name);
  const type = response.headers.get("content-type") ?? "";
  const isStream = type.startsWith("text/event-stream") || type.startsWith("multipart/mixed");
  // no-transform: a proxy that compresses a stream holds it back until its block is full.
  response.headers.set("cache-control", isStream ? "no-store, no-transform" : "no-store");
  if (isStream) response.headers.set("x-accel-buffering", "no");
  response.headers.append("vary", "Accept");
  return response;
}

/** `GET /graphql/avatars/{userId}`: the bytes that `uploadAvatar` kept. */
export async function handleAvatar(c: EdgeContext): Promise<Response> {
  const { info, bytes } = await getAvatar(toOperationContext(c), c.req.param("userId") ?? "");
  const etag = `"${info.sha256}"`;
  const headers = {
    etag,
    "cache-control": "private, no-cache",
    "last-modified": new Date(info.savedAt).toUTCString(),
  };
  if (c.req.header("if-none-match") === etag) return new Response(null, { status: 304, headers });
  return new Response(bytes, { headers: { ...headers, "content-type": info.contentType } });
}

/** `GET /graphql/graphiql/{file}`: what the page for a browser is made of. */
export function handleAsset(c: EdgeContext): Promise<Response> {
  return graphiqlAsset(c);
}

/** The upgrade is answered by an object that holds the connection (see `socket.ts`). */
function openGraphqlSocket(c: EdgeContext): Promise<Response> {
  const { socketHosts } = c.get("edge").ports;
  const opening = {
    identity: c.get("identity"),
    subprotocol: chooseSubprotocol(c.req.raw, [GRAPHQL_SUBPROTOCOL]),
    requestId: c.env.requestId,
  };
  return socketHosts.open(opening, c.req.raw);
}

/** A browser that was sent here by hand, and not a client that takes HTML too. */
function asksForPage(request: Request): boolean {
  if (request.method !== "GET" || queryOf(request.url).has("query")) return false;
  return request.headers.get("accept")?.includes("text/html") === true;
}
