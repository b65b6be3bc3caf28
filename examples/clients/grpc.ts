import { createGrpcTransport } from "@connectrpc/connect-node";
import { createChannelClient } from "./channel-service.ts";

/** The address is that of the gateway's port for gRPC: `http://127.0.0.1:50051`. */
export const { publish, open, read } = createChannelClient((baseUrl) => createGrpcTransport({ baseUrl }));
