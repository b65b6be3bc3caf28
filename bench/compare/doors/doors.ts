import type { OpenPublisher } from "./publisher.ts";
import {
  publishGraphqlWs,
  publishJsonRpc,
  publishNdjson,
  publishTcp,
  publishWebSocket,
} from "./publishers/connections.ts";
import { publishGrpc, publishUdp } from "./publishers/gateway.ts";
import { publishMqtt, publishMqttWs } from "./publishers/mqtt.ts";
import {
  publishConnect,
  publishDurableStream,
  publishGraphql,
  publishGrpcWeb,
  publishHttp,
  publishQueue,
  publishRest,
  publishWebhook,
} from "./publishers/requests.ts";
import type { OpenReader } from "./reader.ts";
import { readGrpc, readSseHttp2 } from "./readers/http2.ts";
import { readMqtt, readMqttWs } from "./readers/mqtt.ts";
import { readHttp, readLongPoll, readQueue } from "./readers/polls.ts";
import { readGraphqlWs, readJsonRpc, readTcp, readWebSocket } from "./readers/sockets.ts";
import {
  readConnect,
  readDurableStream,
  readGraphqlSse,
  readGrpcWeb,
  readNdjson,
  readSse,
} from "./readers/streams.ts";
import { readUdp } from "./readers/udp.ts";
import { readWebhooks } from "./readers/webhooks.ts";
import { publishWebTransport, readWebTransport } from "./web-transport.ts";

/** A way in and out, as it is measured. */
export interface MeasuredDoor {
  readonly name: string;
  /** In tables and charts. */
  readonly title: string;
  readonly read?: OpenReader;
  readonly publish?: OpenPublisher;
  readonly isGateway?: boolean;
  /** How many subscribers it is measured with at the most, and why not with more. */
  readonly fewer?: { readonly most: number; readonly why: string };
  /** The largest data that it carries, in bytes, and why no larger. */
  readonly largest?: { readonly bytes: number; readonly why: string };
  /** What can read it: the first page recommends by it. */
  readonly suits: readonly ("browser" | "device" | "server")[];
  /** Whether one connection both publishes and reads. */
  readonly isTwoWay?: boolean;
  /** Asks at intervals, so that nothing can be said of it in a moment. */
  readonly isPolled?: boolean;
}

/** Every door, in the order of the tables. */
export const DOORS: readonly MeasuredDoor[] = [
  {
    name: "http",
    title: "HTTP, polled",
    read: readHttp,
    publish: publishHttp,
    isPolled: true,
    suits: ["browser", "device", "server"],
  },
  { name: "long-poll", title: "long polling", read: readLongPoll, suits: ["browser", "device", "server"] },
  { name: "sse", title: "SSE", read: readSse, suits: ["browser", "server"] },
  {
    name: "ndjson",
    title: "NDJSON stream",
    read: readNdjson,
    publish: publishNdjson,
    suits: ["server"],
  },
  {
    name: "durable-streams",
    title: "Durable Streams (SSE)",
    read: readDurableStream,
    publish: publishDurableStream,
    suits: ["browser", "server"],
  },
  {
    name: "websocket",
    title: "WebSocket",
    read: readWebSocket,
    publish: publishWebSocket,
    suits: ["browser", "device", "server"],
    isTwoWay: true,
  },
  {
    name: "graphql-sse",
    title: "GraphQL over SSE",
    read: readGraphqlSse,
    publish: publishGraphql,
    suits: ["browser", "server"],
  },
  {
    name: "graphql-ws",
    title: "GraphQL over WebSocket",
    read: readGraphqlWs,
    publish: publishGraphqlWs,
    suits: ["browser", "server"],
    isTwoWay: true,
  },
  {
    name: "connect",
    title: "Connect (JSON)",
    read: readConnect,
    publish: publishConnect,
    suits: ["browser", "server"],
  },
  {
    name: "grpc-web",
    title: "gRPC-Web",
    read: readGrpcWeb,
    publish: publishGrpcWeb,
    suits: ["browser", "server"],
  },
  {
    name: "json-rpc",
    title: "JSON-RPC (WebSocket)",
    read: readJsonRpc,
    publish: publishJsonRpc,
    suits: ["browser", "server"],
    isTwoWay: true,
  },
  {
    name: "mqtt",
    title: "MQTT (TCP, QoS 1)",
    read: readMqtt,
    publish: publishMqtt,
    suits: ["device", "server"],
    isTwoWay: true,
  },
  {
    name: "mqtt-ws",
    title: "MQTT (WebSocket, QoS 1)",
    read: readMqttWs,
    publish: publishMqttWs,
    suits: ["browser", "device"],
    isTwoWay: true,
  },
  {
    name: "tcp",
    title: "TCP lines",
    read: readTcp,
    publish: publishTcp,
    suits: ["device", "server"],
    isTwoWay: true,
  },
  {
    name: "webhooks",
    title: "webhooks",
    read: readWebhooks,
    publish: publishWebhook,
    suits: [],
    fewer: {
      most: 100,
      why: "each subscriber is an endpoint, of which an owner has so many at the most",
    },
  },
  {
    name: "queue",
    title: "queue (lease and ack)",
    read: readQueue,
    publish: publishQueue,
    suits: [],
    fewer: { most: 1, why: "its consumers share the events, so that each event goes to one of them" },
  },
  { name: "rest", title: "REST (creates a post)", publish: publishRest, suits: [] },
  {
    name: "grpc",
    title: "gRPC (gateway)",
    read: readGrpc,
    publish: publishGrpc,
    isGateway: true,
    suits: ["server"],
  },
  {
    name: "sse-h2",
    title: "SSE over HTTP/2 (gateway)",
    read: readSseHttp2,
    isGateway: true,
    suits: ["browser", "server"],
  },
  {
    name: "udp",
    title: "UDP (gateway)",
    read: readUdp,
    publish: publishUdp,
    isGateway: true,
    largest: { bytes: 60_000, why: "an event has to fit into one datagram, which has at most 65,507 bytes" },
    suits: ["device"],
  },
  {
    name: "webtransport",
    title: "WebTransport (gateway)",
    read: readWebTransport,
    publish: publishWebTransport,
    isGateway: true,
    isTwoWay: true,
    suits: ["browser"],
    fewer: {
      most: 100,
      why: "its client here is a process that carries each session on, and would be what is measured",
    },
  },
];

/** The door of a name. @throws Error where there is none */
export function doorOf(name: string): MeasuredDoor {
  const door = DOORS.find((one) => one.name === name);
  if (door === undefined)
    throw new Error(`There is no door ${name}: ${DOORS.map((one) => one.name).join(", ")}.`);
  return door;
}
