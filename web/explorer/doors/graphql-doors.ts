import type { ExplorerDoor, Inputs } from "../call.ts";
import { parseData, postJson, withToken } from "../call.ts";

const PUBLISH =
  "mutation ($channel: String!, $type: String!, $data: JSON) { publish(channel: $channel, type: $type, data: $data) { id sequence duplicate } }";
const EVENTS =
  "subscription ($channel: String!, $after: String) { events(channel: $channel, after: $after) { id type time sequence data } }";

const toPublish = (inputs: Inputs) => ({
  query: PUBLISH,
  variables: { channel: inputs.channel, type: inputs.type, data: parseData(inputs) },
});
const toEvents = ({ channel, after }: Inputs) => ({ query: EVENTS, variables: { channel, after } });

export const graphqlSse: ExplorerDoor = {
  name: "graphql-sse",
  title: "GraphQL over HTTP and SSE",
  note: "The client says which fields it wants. A subscription is an event stream: `next` for each event.",
  via: "graphql-sse",
  calls: {
    publish: (inputs) => postJson(inputs, "/graphql", toPublish(inputs)),
    subscribe: (inputs) => ({
      ...postJson(inputs, "/graphql", toEvents(inputs), { accept: "text/event-stream" }),
      isStream: true,
    }),
  },
};

const INIT = { message: JSON.stringify({ type: "connection_init" }) };
const subscribe = (payload: object) => ({
  after: '"connection_ack"',
  message: JSON.stringify({ id: "1", type: "subscribe", payload }),
});

export const graphqlSocket: ExplorerDoor = {
  name: "graphql-ws",
  title: "GraphQL over WebSocket",
  note: "graphql-transport-ws: `connection_init`, `connection_ack`, then an operation by its id.",
  via: "graphql-ws",
  calls: {
    publish: (inputs) => ({
      kind: "socket",
      path: withToken("/graphql", inputs),
      protocols: ["graphql-transport-ws"],
      steps: [INIT, subscribe(toPublish(inputs))],
      until: '"complete"',
    }),
    subscribe: (inputs) => ({
      kind: "socket",
      path: withToken("/graphql", inputs),
      protocols: ["graphql-transport-ws"],
      steps: [INIT, subscribe(toEvents(inputs))],
    }),
  },
};
