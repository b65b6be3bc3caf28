import { createCountingFetch } from "../counting-fetch.ts";
import type { LaneWire } from "../wire.ts";

export const grpcWeb: LaneWire = {
  name: "grpc-web",
  title: "gRPC-Web",
  family: "call",
  path: "POST …ChannelService/Subscribe",
  client: "@connectrpc/connect-web, protobuf",
  counted: "the body: five bytes of head and a protobuf message for each event",
  holdsConnection: true,

  async run(request, sink, signal) {
    const { createGrpcWebTransport, takeEvents } = await import("../connect-events.ts");
    const transport = createGrpcWebTransport({
      baseUrl: request.origin,
      fetch: createCountingFetch(sink, request.token),
    });
    await takeEvents(transport, request, sink, signal);
  },
};
