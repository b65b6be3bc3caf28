import type { Option } from "../question.ts";
import { lean } from "../question.ts";

/** Who speaks. */
export const DIRECTIONS: readonly Option[] = [
  {
    id: "ask",
    label: "The client asks, the server answers",
    weights: {
      ...lean(4, "Requests and answers are what it is.", "rest", "graphql", "connect", "grpc", "json-rpc"),
      ...lean(1, "A request and an answer, event by event.", "http"),
      ...lean(
        -3,
        "It is a stream, and there is nothing to stream.",
        "sse",
        "long-poll",
        "websocket",
        "webtransport",
        "ndjson",
      ),
      ...lean(-2, "It has no answers to a request.", "mqtt", "udp", "webhooks"),
    },
  },
  {
    id: "listen",
    label: "The server tells, the client listens",
    weights: {
      ...lean(4, "One direction, resuming by itself: no more than is needed.", "sse"),
      ...lean(
        2,
        "It streams from a cursor.",
        "ndjson",
        "durable-streams",
        "graphql",
        "connect",
        "grpc",
        "mqtt",
      ),
      ...lean(2, "It tells, also through proxies that break streams.", "long-poll"),
      ...lean(2, "It calls the listener.", "webhooks"),
      ...lean(
        1,
        "It streams as well, with more than one direction needs.",
        "websocket",
        "json-rpc",
        "tcp",
        "webtransport",
      ),
      ...lean(-3, "The server cannot speak first.", "rest", "http"),
      ...lean(-2, "One worker gets each message; a listener wants them all.", "queue"),
    },
  },
  {
    id: "collect",
    label: "The reader comes by now and then, and takes what is there",
    weights: {
      ...lean(5, "A page of what is new, from the cursor of last time.", "http"),
      ...lean(3, "A read from the offset of last time, which a cache may answer.", "durable-streams"),
      ...lean(2, "What nobody has done yet waits.", "queue", "rest"),
      ...lean(
        -3,
        "It keeps a connection for a reader who is seldom there.",
        "sse",
        "websocket",
        "webtransport",
        "ndjson",
      ),
    },
  },
  {
    id: "both",
    label: "Both speak at any time",
    weights: {
      ...lean(4, "Both directions on one connection, in every browser.", "websocket"),
      ...lean(3, "Both directions on one connection.", "webtransport", "mqtt", "json-rpc", "grpc", "tcp"),
      ...lean(1, "Both directions, with a request beside the stream.", "sse", "connect", "graphql", "ndjson"),
      ...lean(-3, "The server cannot speak first.", "rest", "http"),
      ...lean(-2, "It is not a conversation.", "webhooks", "queue", "durable-streams"),
    },
  },
];
