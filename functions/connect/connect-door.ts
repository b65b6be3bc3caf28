import type { DescService } from "@bufbuild/protobuf";
import { createRegistry } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { createConnectRouter } from "@connectrpc/connect";
import type { EverywireError } from "../../core/error.ts";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import { file_google_rpc_error_details } from "../../proto/gen/google/rpc/error_details_pb.ts";
import type { Edge, EdgeContext } from "../boundary/edge.ts";
import type { MethodTable } from "../boundary/methods.ts";
import { mountMethods } from "../boundary/methods.ts";
import type { Door } from "../door.ts";
import { callOf } from "./call.ts";
import { COMPRESS_MIN_BYTES, createGzip } from "./compression.ts";
import { guard, toConnectError } from "./errors.ts";
import type { CallHandler } from "./handler.ts";
import { handleCall } from "./handler.ts";
import { addHealth } from "./health.ts";
import { addReflection } from "./reflection.ts";
import { UnaryMethods } from "./unary.ts";

/** Registers services, as for any server of Connect: `(router) => router.service(ElizaService, {...})`. */
export type Routes = (router: ConnectRouter) => void;

/**
 * A door onto any services, by Connect and gRPC-Web, with health and reflection beside them.
 *
 * @example createConnectDoor({ name: "eliza", ... }, (router) => router.service(ElizaService, { say }))
 */
export function createConnectDoor(about: Omit<Door, "mount" | "refuse">, routes: Routes): Door {
  const paths = createHandlers(routes, DEFAULT_LIMITS.MAX_REQUEST_BYTES);
  const byEdge = new WeakMap<Edge, ReadonlyMap<string, CallHandler>>();
  const handlerFor = (c: EdgeContext, path: string): CallHandler | undefined => {
    if (!paths.has(path)) return undefined;
    const edge = c.get("edge");
    let handlers = byEdge.get(edge);
    if (handlers === undefined) {
      handlers = createHandlers(routes, edge.settings.limits.MAX_REQUEST_BYTES);
      byEdge.set(edge, handlers);
    }
    return handlers.get(path);
  };
  const answer = (c: EdgeContext, path: string, refusal?: EverywireError) => {
    const handler = handlerFor(c, path);
    return handler === undefined ? undefined : handleCall(c, handler, refusal);
  };
  return {
    ...about,
    mount(app) {
      for (const [path, { handler }] of paths) {
        const handle = async (c: EdgeContext) => (await answer(c, path)) ?? c.notFound();
        const table: MethodTable = handler.allowedMethods.includes("GET")
          ? { GET: handle, POST: handle }
          : { POST: handle };
        mountMethods(app, path, table);
      }
    },
    refuse: (c, error) => answer(c, c.req.path, error),
  };
}

function createHandlers(routes: Routes, maxBytes: number): ReadonlyMap<string, CallHandler> {
  // The details of an error within a message are of type Any, which JSON can say only of types that it knows.
  const jsonOptions = { registry: createRegistry(file_google_rpc_error_details) };
  const router = createConnectRouter({
    // gRPC itself needs HTTP/2 and trailers: the gateway has both, and speaks gRPC-Web to us.
    grpc: false,
    acceptCompression: [createGzip(maxBytes)],
    compressMinBytes: COMPRESS_MIN_BYTES,
    interceptors: [guard],
    requestGate: refuseEarly,
    jsonOptions,
  });
  const unary = new UnaryMethods(jsonOptions);
  const watched = unary.watch(router);
  routes(watched);
  addHealth(watched, listServices(router));
  addReflection(watched, listServices(router));
  return new Map(
    router.handlers.map((handler) => {
      const { requestPath } = handler;
      return [requestPath, { handler, unary: unary.find(requestPath) }];
    }),
  );
}

function listServices(router: ConnectRouter): readonly DescService[] {
  return [...new Set(router.handlers.map(({ service }) => service))];
}

/** What the boundary refused ends here, before its body is read, in whichever protocol it came. */
function refuseEarly(context: HandlerContext): void {
  const { refusal } = callOf(context);
  if (refusal !== undefined) throw toConnectError(refusal);
}
