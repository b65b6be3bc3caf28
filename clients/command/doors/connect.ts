import { createConnectTransport } from "@connectrpc/connect-node";
import { createRpcDoor } from "./rpc-transport.ts";

/** The Connect protocol in JSON over HTTP/1.1 (functions/connect). */
export const read = createRpcDoor(({ url }, interceptors) =>
  createConnectTransport({ baseUrl: url, httpVersion: "1.1", useBinaryFormat: false, interceptors }),
);
