import { takeResults, toSubscription } from "../graphql-events.ts";
import type { LaneWire } from "../wire.ts";
import { countBytes, withToken } from "../wire.ts";

export const graphqlSocket: LaneWire = {
  name: "graphql-socket",
  title: "GraphQL over WebSocket",
  family: "socket",
  path: "GET /graphql, graphql-transport-ws",
  client: "graphql-ws",
  counted: "the payload of each frame",
  holdsConnection: false,

  async run({ origin, channel, after, token }, sink, signal) {
    const { createClient } = await import("graphql-ws/client");
    class CountedSocket extends WebSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(url, protocols);
        this.addEventListener("message", ({ data }) => sink.onBytes(countBytes(data)));
        signal.addEventListener("abort", () => this.close(), { once: true });
      }
    }
    const client = createClient({
      url: withToken(`${origin.replace(/^http/, "ws")}/graphql`, token),
      webSocketImpl: CountedSocket,
      retryAttempts: 0,
      on: { connected: () => sink.onLive() },
    });
    try {
      await takeResults(client.iterate(toSubscription(channel, after)), sink);
    } catch (thrown) {
      // It throws the close event as it is.
      if (thrown instanceof CloseEvent) throw new Error(`Closed with ${thrown.code}: ${thrown.reason}`);
      throw thrown;
    } finally {
      await client.dispose();
    }
  },
};
