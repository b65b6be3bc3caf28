import { Hono } from "hono";
import { EverywireError } from "../../core/error.ts";
import type { Identity } from "../../core/identity.ts";
import { createId } from "../../core/ids.ts";
import type { Door } from "../door.ts";
import type { Callers, Edge, EdgeContext, EdgeEnv } from "./edge.ts";
import { takeRequest } from "./edge.ts";
import { toErrorResponse } from "./error-response.ts";
import { identify, recognize, toAnonymous } from "./identity.ts";
import { MethodNotAllowed } from "./methods.ts";
import { describeRates } from "./request-rates.ts";
import { preflight, withCommonHeaders } from "./response-headers.ts";
import { drain } from "./unread-body.ts";

/** What the boundary itself refuses with; anything else was thrown by a door that had its chance. */
const REFUSALS: ReadonlySet<string> = new Set(["unauthenticated", "rate_limited"]);
const FIRST_ERROR_STATUS = 400;
const REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** Builds the one HTTP application: every door, behind the same identity, limits, errors and headers. */
export function createApp(doors: readonly Door[], edge: Edge) {
  const app = new Hono<EdgeEnv>();

  const admit = (c: EdgeContext, identity: Identity): Promise<void> | undefined => {
    c.set("identity", identity);
    return isProbe(c.req.path) ? undefined : takeRequest(edge, identity);
  };
  const enter = (c: EdgeContext, callers: Callers): Promise<void> | undefined => {
    c.set("edge", edge);
    const request = c.req.raw;
    const identity = callers === "anybody" ? toAnonymous(request, edge) : recognize(request, edge);
    if (identity !== undefined) return admit(c, identity);
    return identifyCaller(request, edge).then((found) => admit(c, found));
  };
  for (const door of doors) door.mount(app);
  app.notFound(async (c) => {
    await enter(c, "by-token");
    throw new EverywireError("not_found", "There is nothing at this path.");
  });
  app.onError(async (thrown, c) => {
    const error = EverywireError.from(thrown);
    // The only place where an unexpected fault is told: to the log, never to the client.
    if (error.code === "internal") console.error(c.env.requestId, error.cause ?? error);
    const response =
      (await refuse(doors, c, error)) ?? toErrorResponse(error, c.req.header("accept"), Date.now());
    if (thrown instanceof MethodNotAllowed) response.headers.set("allow", thrown.allow);
    if (error.code === "rate_limited") describeRates(response.headers, error, edge.settings.limits);
    return response;
  });

  return async (request: Request, execution: ExecutionContext): Promise<Response> => {
    const startedMs = performance.now();
    const given = request.headers.get("x-request-id");
    const requestId = given !== null && REQUEST_ID.test(given) ? given : createId("req");
    const asked = preflight(request, edge.settings);
    const response = asked ?? (await app.fetch(request, { requestId, edge, enter }, execution));
    const durationMs = performance.now() - startedMs;
    if (response.status >= FIRST_ERROR_STATUS) await drain(request);
    return withCommonHeaders(request, response, edge.settings, { requestId, durationMs });
  };
}

/** A token that is not good is counted as its sender's: trying tokens must not be free. */
async function identifyCaller(request: Request, edge: Edge): Promise<Identity> {
  try {
    return await identify(request, edge);
  } catch (thrown) {
    await takeRequest(edge, toAnonymous(request, edge));
    throw thrown;
  }
}

/** Lets the door that the request was for say it in its own way. */
async function refuse(
  doors: readonly Door[],
  c: EdgeContext,
  error: EverywireError,
): Promise<Response | undefined> {
  if (!REFUSALS.has(error.code)) return undefined;
  for (const door of doors) {
    const response = await door.refuse?.(c, error);
    if (response !== undefined) return response;
  }
  return undefined;
}

/** Health probes answer also when the caller has used up its rate, or a load balancer would take us out for it. */
function isProbe(path: string): boolean {
  return path === "/health" || path === "/ready";
}
