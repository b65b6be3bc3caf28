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
  app.all(path, async (c) => {
    await c.env.enter(c, callers);
    const { method } = c.req;
    const handler = table[method as keyof MethodTable];
    if (handler !== undefined) return handler(c);
    if (method === "HEAD" && table.GET !== undefined) return withoutBody(await table.GET(c));
    if (method === "OPTIONS")
      return new Response(null, { status: 204, headers: { ...optionsHeaders, allow } });
    throw new MethodNotAllowed(method, allow);
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

async function withoutBody(response: Response): Promise<Response> {
  await response.body?.cancel();
  return new Response(null, { status: response.status, headers: response.headers });
}
