import { createCountingFetch } from "../counting-fetch.ts";
import { takeResults, toSubscription } from "../graphql-events.ts";
import type { LaneWire } from "../wire.ts";

export const graphqlSse: LaneWire = {
  name: "graphql-sse",
  title: "GraphQL over SSE",
  family: "stream",
  path: "POST /graphql, text/event-stream",
  client: "graphql-sse",
  counted: "the body: comments, field names and the result",
  holdsConnection: true,

  async run({ origin, channel, after, token }, sink, signal) {
    const { createClient } = await import("../libraries/graphql-sse.ts");
    const client = createClient({
      url: `${origin}/graphql`,
      fetchFn: createCountingFetch(sink, token),
      retryAttempts: 0,
    });
    signal.addEventListener("abort", () => client.dispose());
    await takeResults(client.iterate(toSubscription(channel, after)), sink);
  },
};
