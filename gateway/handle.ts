import { grpcCall, isGrpc } from "./grpc/call.ts";
import type { Handle } from "./http/exchange.ts";
import { forward } from "./http/forward.ts";
import type { GatewayLimits } from "./limits.ts";
import type { Worker } from "./worker/worker.ts";

/** What is done with a request, on whatever version of HTTP it came. */
export function createHandle(worker: Worker, limits: GatewayLimits): Handle {
  const responseTimeoutMs = limits.RESPONSE_TIMEOUT_SECONDS * 1000;
  return (exchange) =>
    isGrpc(exchange) ? grpcCall(exchange, worker) : forward(exchange, worker, responseTimeoutMs);
}
