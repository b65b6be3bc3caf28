import { createGrpcTransport } from "@connectrpc/connect-node";
import { createRpcDoor } from "./rpc-transport.ts";

/** gRPC over HTTP/2 in clear, through the gateway. */
export const read = createRpcDoor(({ hostname, ports }, interceptors) =>
  createGrpcTransport({ baseUrl: toBaseUrl(hostname, ports.GRPC_PORT), interceptors }),
);

function toBaseUrl(hostname: string, port: number): string {
  return hostname.includes(":") ? `http://[${hostname}]:${port}` : `http://${hostname}:${port}`;
}
