import { createCountingFetch } from "../counting-fetch.ts";
import type { LaneWire } from "../wire.ts";

export const connect: LaneWire = {
  name: "connect",
  title: "Connect",
  family: "call",
  path: "POST …ChannelService/Subscribe",
  client: "@connectrpc/connect-web, JSON",
  counted: "the body: five bytes of head and a JSON message for each event",
  holdsConnection: true,

  async run(request, sink, signal) {
    const { createConnectTransport, takeEvents } = await import("../connect-events.ts");
    const transport = createConnectTransport({
      baseUrl: request.origin,
      fetch: createCountingFetch(sink, request.token),
    });
    await takeEvents(transport, request, sink, signal);
  },
};
