import type { Option } from "../question.ts";
import { lean, never } from "../question.ts";

/** Who is at the other end. */
export const CLIENTS: readonly Option[] = [
  {
    id: "browser",
    label: "A browser",
    weights: {
      ...never("A browser cannot speak it.", "grpc", "tcp", "udp", "amqp"),
      ...never("A browser has no address to be called at.", "webhooks"),
      ...lean(2, "It is in every browser, with nothing to install.", "sse", "websocket", "rest", "http"),
      ...lean(1, "fetch is enough for it in a browser.", "long-poll", "ndjson", "durable-streams"),
      ...lean(-1, "In a browser it needs a library.", "mqtt", "connect", "graphql"),
    },
  },
  {
    id: "mobile",
    label: "An app on a phone",
    weights: {
      ...never("A phone has no address to be called at, and no way into your network.", "webhooks", "amqp"),
      ...lean(2, "Small messages and generated Swift and Kotlin suit an app.", "connect", "grpc"),
      ...lean(
        1,
        "It goes on from its cursor when the network comes back.",
        "sse",
        "websocket",
        "durable-streams",
        "mqtt",
      ),
      ...lean(-2, "Mobile networks drop ports and protocols they do not know.", "tcp", "udp"),
    },
  },
  {
    id: "server",
    label: "A server of ours",
    weights: {
      ...lean(3, "Servers have code generation, HTTP/2 and time for a contract.", "grpc", "connect"),
      ...lean(2, "A server can be called, and can acknowledge its work.", "queue", "webhooks", "amqp"),
      ...lean(-2, "It solves a browser's problem that a server does not have.", "webtransport", "long-poll"),
    },
  },
  {
    id: "device",
    label: "A small device",
    weights: {
      ...lean(4, "It fits into a few kilobytes, and its session outlives the connection.", "mqtt"),
      ...lean(2, "A socket is all it takes.", "tcp", "udp"),
      ...lean(-2, "It is large for a small device.", "graphql", "grpc", "connect", "webtransport"),
    },
  },
  {
    id: "script",
    label: "A script, or a system that has a socket and little else",
    weights: {
      ...lean(4, "nc or three lines of any language are a client for it.", "tcp"),
      ...lean(2, "curl and a line of shell are a client for it.", "http", "ndjson", "sse", "rest"),
      ...lean(-2, "It needs a library and generated code.", "grpc", "graphql", "connect", "webtransport"),
    },
  },
  {
    id: "partner",
    label: "Other people's programs",
    weights: {
      ...lean(3, "Strangers can use it with what they have.", "rest", "webhooks"),
      ...lean(2, "curl is a client for it.", "sse", "http", "long-poll"),
      ...never("Nobody outside gets to your broker.", "amqp"),
      ...lean(
        -2,
        "They would have to learn your frames, or open a port.",
        "websocket",
        "tcp",
        "udp",
        "webtransport",
      ),
    },
  },
];
