import { EverywireError } from "../../core/error.ts";
import { checkReadiness } from "../../core/operations/check-readiness.ts";
import { mediaType, readJson } from "../boundary/body.ts";
import type { Document } from "../boundary/document.ts";
import { answerDocument, createDocument } from "../boundary/document.ts";
import type { Edge, EdgeContext } from "../boundary/edge.ts";
import { prepareHeaders } from "../boundary/response-headers.ts";
import type { Door } from "../door.ts";
import { parseTokenRequest } from "./decode.ts";
import { toCapabilities, toTokenAnswer } from "./encode.ts";

/** Shorter than the second that load balancers commonly wait for a probe. */
const READY_DEADLINE_MS = 800;

const HEADERS = prepareHeaders({ "content-type": "application/json", "cache-control": "no-store" });
const ownCapabilities = new WeakMap<Edge, Document>();
const HEALTHY = JSON.stringify({ status: "ok" });

/** `GET /health`: the process answers. It asks nobody else, or one slow dependency would restart us all. */
export function handleHealth(): Response {
  return new Response(HEALTHY, { headers: HEADERS });
}

/** `GET /ready`: what requests need answers too. */
export async function handleReady(c: EdgeContext): Promise<Response> {
  const { isReady, dependencies, store } = await checkReadiness(
    c.get("edge").ports,
    READY_DEADLINE_MS,
    (dependency, thrown) => console.error(c.env.requestId, "not ready:", dependency, thrown),
  );
  return toJson({ status: isReady ? "ok" : "unavailable", dependencies, store }, isReady ? 200 : 503);
}

/** `GET /capabilities`. A gateway that does not answer now is said to be away, and what it adds with it. */
export async function handleCapabilities(c: EdgeContext, doors: readonly Door[]): Promise<Response> {
  const edge = c.get("edge");
  const { settings, ports } = edge;
  const gateway = await ports.gateway.describe().catch((): "away" => "away");
  const known = gateway === undefined ? ownCapabilities.get(edge) : undefined;
  if (known !== undefined) return answerDocument(c.req.raw, known);
  const json = JSON.stringify(toCapabilities(doors, settings, gateway));
  const document = await createDocument(json, { cacheControl: "no-cache" });
  // Without a gateway they are the same for as long as the isolate lives.
  if (gateway === undefined) ownCapabilities.set(edge, document);
  return answerDocument(c.req.raw, document);
}

/** `POST /auth/token`: a token for whoever asks, where the operator has said so. */
export async function handleToken(c: EdgeContext): Promise<Response> {
  const { settings, ports } = c.get("edge");
  if (mediaType(c.req.raw) !== "application/json") {
    throw new EverywireError("unsupported_media_type", "Send application/json.");
  }
  const claims = parseTokenRequest(await readJson(c.req.raw, settings.limits.MAX_REQUEST_BYTES));
  return toJson(toTokenAnswer(await ports.tokens.issue(claims), claims.subject), 200);
}

/** Where development tokens are off, the path is as unknown as any other. @throws EverywireError `not_found` */
export function assertDevAuth(c: EdgeContext): void {
  // Before the request has entered: where nothing is, nobody is asked who they are.
  if (!c.env.edge.settings.hasDevAuth)
    throw new EverywireError("not_found", "There is nothing at this path.");
}

function toJson(value: unknown, status: number): Response {
  return new Response(JSON.stringify(value), { status, headers: HEADERS });
}
