import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { createChannelClient } from "./channel-service.ts";

export const { publish, open, read } = createChannelClient((baseUrl) => createGrpcWebTransport({ baseUrl }));
