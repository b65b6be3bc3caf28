import { createCountingFetch } from "../counting-fetch.ts";
import type { LaneEvent, LaneWire } from "../wire.ts";

export const durableStreams: LaneWire = {
  name: "durable-streams",
  title: "Durable Streams",
  family: "stream",
  path: "GET /v1/stream/{channel}?live=sse",
  client: "@durable-streams/client",
  counted: "the bodies: each data event, and the control event behind it",
  holdsConnection: true,

  async run({ origin, channel, after, token }, sink, signal) {
    const { stream } = await import("../libraries/durable-streams.ts");
    const response = await stream<LaneEvent>({
      url: `${origin}/v1/stream/${channel}`,
      offset: after,
      live: "sse",
      fetch: createCountingFetch(sink, token),
      signal,
      warnOnHttp: false,
      backoffOptions: { initialDelay: 200, maxDelay: 2000, multiplier: 2, maxRetries: 1 },
    });
    sink.onLive();
    response.subscribeJson(({ items }) => {
      for (const event of items) sink.onEvent(event);
    });
    await response.closed;
  },
};
