import type { Option } from "../question.ts";
import { lean, never } from "../question.ts";

/** What about a message that gets lost. */
export const LOSSES: readonly Option[] = [
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

/** What is between the two ends. */
export const NETWORKS: readonly Option[] = [
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

/** How both ends agree on what is sent. */
export const CONTRACTS: readonly Option[] = [
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
