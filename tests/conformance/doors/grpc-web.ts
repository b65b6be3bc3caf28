import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createConnectDriver } from "./connect.ts";
import { toTransportOptions } from "./connect-target.ts";

/** The same calls in gRPC-Web's frames. */
export const grpcWeb = createConnectDriver("grpc-web", (target) =>
  createGrpcWebTransport(toTransportOptions(target)),
);
