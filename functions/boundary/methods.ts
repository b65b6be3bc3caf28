import type { Hono } from "hono";
import { EverywireError } from "../../core/error.ts";
import type { Callers, EdgeContext, EdgeEnv } from "./edge.ts";

export type Handler = (c: EdgeContext) => Response | Promise<Response>;

/** The handlers of one path, by method. `HEAD` and `OPTIONS` are answered without being listed; `HEAD` can be. */
export type MethodTable = Readonly<
  Partial<Record<"GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE", Handler>>
>;

/**
 * Mounts a path with all its methods, so that every other method is 405 with `Allow` (RFC 9110 §15.5.6), `HEAD` is
 * `GET` without its body (§9.3.2), and `OPTIONS` says what there is (§9.3.7).
 *
 * @param optionsHeaders what `OPTIONS` says beyond `Allow`, such as `Accept-Patch`
 * @param callers `anybody` leaves tokens alone, good or bad
 */
export function mountMethods(
  app: Hono<EdgeEnv>,
  path: string,
  table: MethodTable,
  optionsHeaders: Readonly<Record<string, string>> = {},
  callers: Callers = "by-token",
): void {
  const allow = listMethods(table);
  const handle = (c: EdgeContext): Response | Promise<Response> => {
    const { method } = c.req;
    const handler = table[method as keyof MethodTable];
    if (handler !== undefined) return handler(c);
    if (method === "HEAD" && table.GET !== undefined) return withoutBody(table.GET(c));
    if (method === "OPTIONS")
      return new Response(null, { status: 204, headers: { ...optionsHeaders, allow } });
    throw new MethodNotAllowed(method, allow);
  };
  const handleLater = async (entering: Promise<void>, c: EdgeContext): Promise<Response> => {
    await entering;
    return handle(c);
  };
  app.all(path, (c): Response | Promise<Response> => {
    const entering = c.env.enter(c, callers);
    return entering === undefined ? handle(c) : handleLater(entering, c);
  });
}

/** 405 with what is allowed, which the boundary puts into `Allow`. */
export class MethodNotAllowed extends EverywireError {
  readonly allow: string;

  constructor(method: string, allow: string) {
    super("method_not_allowed", `${method} is not allowed here; ${allow} are.`);
    this.allow = allow;
  }
}

function listMethods(table: MethodTable): string {
  const methods = Object.keys(table);
  if (table.GET !== undefined && table.HEAD === undefined) methods.push("HEAD");
  return [...methods, "OPTIONS"].join(", ");
}

async function withoutBody(answer: Response | Promise<Response>): Promise<Response> {
  const response = await answer;
  await response.body?.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}
