import type { Protocol } from "../protocol.ts";
import { best, CLIENT_SERVER_LOG, fair, good, guaranteesWithout, poor, step } from "../protocol.ts";

export const graphql: Protocol = {
  id: "graphql",
  name: "GraphQL",
  summary:
    "The client writes down exactly which fields it wants, of many things at once, and can subscribe to them.",
  door: "graphql",
  needsGateway: false,
  specifications: [
    { name: "GraphQL", url: "https://spec.graphql.org" },
    { name: "GraphQL over HTTP", url: "https://graphql.github.io/graphql-over-http/" },
    {
      name: "graphql-transport-ws",
      url: "https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md",
    },
    { name: "GraphQL over SSE", url: "https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md" },
  ],
  flow: {
    participants: CLIENT_SERVER_LOG,
    steps: [
      step("client", "server", "request", "POST /graphql: one query for a whole screen"),
      step("server", "client", "answer", "just those fields, just once"),
      step(
        "client",
        "server",
        "open",
        "subscription { events(channel, after) { ... } }, by SSE or WebSocket",
      ),
      step("log", "server", "event", "an event"),
      step("server", "client", "event", "the fields that were asked for"),
    ],
  },
  advantages: [
    "One round trip for a screen, however many things are on it.",
    "A typed schema that tools, editors and generated clients read.",
    "Fields can be added without versions, since nobody gets what they did not ask for.",
  ],
  limits: [
    "Everything is a POST to one address: HTTP caches and logs see little.",
    "A query can be expensive: depth and cost must be limited (they are here).",
    "Files need the multipart extension, and binary data base64.",
  ],
  chooseWhen: [
    "screens need parts of many records, and several clients need different parts;",
    "frontend teams should not wait for a backend endpoint.",
  ],
  avoidWhen: [
    "it is one resource and a list;",
    "caching by URL is what keeps you alive;",
    "it is a raw stream of events.",
  ],
  guarantees: guaranteesWithout("presence"),
  delivery: "A mutation that was answered is on disk. A subscription delivers in order from the cursor.",
  resume:
    "Ask for `sequence` in the subscription, and give the last one as `after` when you subscribe again.",
  cost: {
    connection: "None for queries; one SSE response or WebSocket for subscriptions.",
    event: "The chosen fields in JSON and an envelope; each event is resolved field by field on the server.",
    operation: "A schema, batched loading, and limits on depth and cost.",
  },
  tooling: ["GraphiQL at /graphql", "Apollo, urql, Relay, graphql-codegen", "curl"],
  proxies: { passes: "mostly", why: "Queries always; subscriptions as SSE or WebSocket do." },
  browser: {
    support: "library",
    why: "fetch is enough for queries; graphql-sse or graphql-ws for subscriptions.",
  },
  vias: ["graphql-sse", "graphql-ws"],
  example: `curl '{url}/graphql' -H 'content-type: application/json' -d '{"query":"{ posts(limit: 3) { title author { name } comments { content } } }"}'`,
  fits: {
    crud: good("Typed and flexible; without HTTP's caches and statuses."),
    chat: fair("Subscriptions work, but a message makes a long way for its size and there is no presence."),
    "live-updates": good("The page subscribes to the very fields it shows."),
    mobile: best("One small round trip for a screen, and not a field more than it shows."),
    microservices: fair("Good as the face of many services, not between them."),
    "public-api": good("Strangers compose their own queries; you pay with limits and monitoring."),
    "file-upload": fair("Possible with multipart, as the avatar here; a plain PUT is simpler."),
    games: poor("Parsing a query has no place in a frame."),
    iot: poor("Too large for small devices on both ends."),
    "background-jobs": poor("A mutation may hand in a job; nothing in it does one."),
  },
};
