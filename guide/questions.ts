import type { ProtocolId } from "./protocol.ts";
import { USES } from "./uses.ts";

export const QUESTION_IDS = ["use", "client", "direction", "loss", "network", "contract"] as const;
export type QuestionId = (typeof QUESTION_IDS)[number];

/** What an answer says about one protocol. */
export type Weight =
  /** For it where positive, against it where negative. */
  | { readonly points: number; readonly why: string }
  /** It cannot be: the protocol is ruled out. */
  | { readonly never: string };

export interface Option {
  readonly id: string;
  readonly label: string;
  readonly weights: Partial<Readonly<Record<ProtocolId, Weight>>>;
}

/** A question that narrows the choice. The weights of `use` are the matrix itself, so its options have none. */
export interface Question {
  readonly id: QuestionId;
  readonly text: string;
  readonly options: readonly Option[];
}

type Weights = Option["weights"];

function lean(points: number, why: string, ...ids: readonly ProtocolId[]): Weights {
  return Object.fromEntries(ids.map((id) => [id, { points, why }]));
}

function never(why: string, ...ids: readonly ProtocolId[]): Weights {
  return Object.fromEntries(ids.map((id) => [id, { never: why }]));
}

const CLIENTS: readonly Option[] = [
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

const DIRECTIONS: readonly Option[] = [
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

const LOSSES: readonly Option[] = [
  {
    id: "nothing",
    label: "Nothing may be lost",
    weights: {
      ...lean(2, "It is tried until it is acknowledged.", "queue", "webhooks", "amqp"),
      ...lean(
        1,
        "It goes on from a cursor without gap or repeat.",
        "sse",
        "websocket",
        "durable-streams",
        "mqtt",
        "long-poll",
        "ndjson",
        "grpc",
        "connect",
      ),
      ...lean(-4, "A datagram may vanish; repairing that is work.", "udp"),
    },
  },
  {
    id: "newest",
    label: "Only the newest counts",
    weights: {
      ...lean(4, "A lost packet holds up nothing behind it.", "webtransport", "udp"),
      ...lean(1, "Quality of service 0 and retained values give the newest.", "mqtt"),
      ...lean(-3, "It insists on every message, however old.", "queue", "webhooks", "amqp"),
    },
  },
];

const NETWORKS: readonly Option[] = [
  {
    id: "own",
    label: "Our own: every port is open",
    weights: lean(1, "Nothing stands between the two ends.", "grpc", "mqtt", "tcp", "udp", "amqp"),
  },
  {
    id: "internet",
    label: "The internet: HTTPS passes, the rest may not",
    weights: {
      ...lean(
        1,
        "It is HTTPS like any other.",
        "rest",
        "http",
        "long-poll",
        "sse",
        "durable-streams",
        "graphql",
        "connect",
      ),
      ...lean(-2, "Its port may be closed; keep a fallback.", "tcp", "udp", "amqp"),
      ...lean(-1, "Some networks block UDP; keep a fallback.", "webtransport"),
    },
  },
  {
    id: "strict",
    label: "Strict proxies: they buffer streams and break upgrades",
    weights: {
      ...lean(5, "Complete answers within seconds: every proxy passes it.", "long-poll"),
      ...lean(3, "Short requests pass everywhere.", "rest", "http", "durable-streams", "webhooks", "queue"),
      ...lean(-3, "A proxy that buffers holds the stream back.", "sse", "ndjson", "connect", "graphql"),
      ...lean(-4, "The upgrade may be refused or cut.", "websocket", "json-rpc", "mqtt"),
      ...never("Such a proxy does not let it through.", "tcp", "udp", "amqp", "webtransport", "grpc"),
    },
  },
];

const CONTRACTS: readonly Option[] = [
  {
    id: "plain",
    label: "Plain JSON will do",
    weights: lean(
      1,
      "No schema to share, no step to build.",
      "rest",
      "http",
      "sse",
      "websocket",
      "ndjson",
      "json-rpc",
    ),
  },
  {
    id: "fields",
    label: "Clients choose their fields",
    weights: lean(6, "The query names the fields, and nothing else is sent.", "graphql"),
  },
  {
    id: "typed",
    label: "Types shared by both ends",
    weights: {
      ...lean(4, "One .proto file gives both ends their types.", "connect", "grpc"),
      ...lean(3, "The schema gives both ends their types.", "graphql"),
      ...lean(1, "OpenAPI describes it well enough to generate from.", "rest"),
      ...lean(-1, "Types are a convention here.", "tcp", "udp", "mqtt", "ndjson"),
    },
  },
];

/** A few questions, in the order in which to ask them. Each may be left unanswered. */
export const QUESTIONS: readonly Question[] = [
  {
    id: "use",
    text: "What do you build?",
    options: USES.map(({ id, name, summary }) => ({ id, label: `${name}: ${summary}`, weights: {} })),
  },
  { id: "client", text: "Who is at the other end?", options: CLIENTS },
  { id: "direction", text: "Who speaks?", options: DIRECTIONS },
  { id: "loss", text: "What about a message that gets lost?", options: LOSSES },
  { id: "network", text: "What is between the two ends?", options: NETWORKS },
  { id: "contract", text: "How do both ends agree on what is sent?", options: CONTRACTS },
];
