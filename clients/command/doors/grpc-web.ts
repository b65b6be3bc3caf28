import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { createRpcDoor } from "./rpc-transport.ts";

/** gRPC-Web in protobuf over HTTP/1.1 (functions/connect). */
export const read = createRpcDoor(({ url }, interceptors) =>
  createGrpcWebTransport({ baseUrl: url, httpVersion: "1.1", interceptors }),
);
