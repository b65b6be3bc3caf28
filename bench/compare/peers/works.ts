import { BroadcastLoad } from "../../broadcast-load.ts";
import type { BroadcastKind } from "../../broadcast-readers.ts";
import { BroadcastReaders } from "../../broadcast-readers.ts";
import { loadGrpc } from "../../grpc-load.ts";
import type { RequestParts } from "../../http-connection.ts";
import { HttpConnection, toRequestText } from "../../http-connection.ts";
import { loadHttp } from "../../http-load.ts";
import { MqttPublishing } from "../../mqtt-publishing.ts";
import type { Sample } from "../../rounds.ts";
import type { Broadcast, Doors } from "./peer.ts";

/** A kind of load, the same for every subject that has the door for it. */
export interface Work {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly how: string;
  readonly offered?: number;
  /** Undefined where a subject does not do this. */
  prepare(doors: Doors): Promise<PreparedWork | undefined>;
}

export interface PreparedWork {
  readonly promise?: string;
  run(durationMs: number): Promise<Sample>;
  close?(): void;
}

const CONNECTIONS = 16;
const MANY_WRITERS = 32;
const CALLS = 16;
const READERS = 200;
/** Fewer than in a closed loop: the strongest subjects deliver all of this, and the client can still count it. */
const OFFERED_READERS = 50;
const OFFERED_EVENTS = 4000;
const OFFERING_CONNECTIONS = 16;

/** What is in each subject's answer. */
const PRODUCT_NAME = "Desk lamp";
const USER_NAME = "Ada Lovelace";

type RequestDoor = "read" | "graphql" | "jsonRpc" | "connect" | "grpcWeb";

function requests(name: string, title: string, door: RequestDoor, expected: string, how: string): Work {
  return {
    name,
    title,
    unit: "requests",
    how: `${how} ${CONNECTIONS} connections over HTTP/1.1, one request at a time on each.`,
    async prepare(doors) {
      const parts = doors[door];
      if (parts !== undefined) await assertAnswer(parts, expected);
      return parts && { run: (durationMs) => loadHttp(parts, CONNECTIONS, durationMs) };
    },
  };
}

/**
 * GraphQL and JSON-RPC say 200 to an error too.
 *
 * @throws Error where an answer is not the record
 */
async function assertAnswer(parts: RequestParts, expected: string): Promise<void> {
  const connection = await HttpConnection.open(parts.url);
  const status = await connection.send(toRequestText(parts));
  const { body } = connection;
  connection.close();
  if (!body.includes(expected)) throw new Error(`${parts.url} answered ${status}: ${body.slice(0, 200)}`);
}

function publishes(writers: number): Work {
  return {
    name: `publish-${writers}`,
    title: `Publish, ${writers === 1 ? "1 writer" : `${writers} writers`}`,
    unit: "events",
    how: "An event of 128 bytes, acknowledged before its writer sends the next. What an acknowledgement promises differs.",
    async prepare({ publish }) {
      return publish && { promise: publish.promise, run: (durationMs) => publish.run(writers, durationMs) };
    },
  };
}

function closedLoop(
  name: string,
  title: string,
  kind: BroadcastKind,
  door: "webSockets" | "eventStreams",
): Work {
  return {
    name,
    title: `${title}, ${READERS} readers`,
    unit: "deliveries",
    how: `An event is published over HTTP when all ${READERS} readers have had the one before. Everywire and Durable Streams have it on disk first.`,
    async prepare(doors) {
      const load = await openBroadcast(doors[door], kind, READERS, 1);
      return load && { run: (durationMs) => load.runClosedLoop(durationMs), close: () => load.close() };
    },
  };
}

function offered(
  name: string,
  title: string,
  kind: BroadcastKind,
  door: "webSockets" | "eventStreams",
): Work {
  return {
    name,
    title: `${title}, ${OFFERED_EVENTS.toLocaleString("en")} events/s offered to ${OFFERED_READERS} readers`,
    unit: "deliveries",
    how: `${OFFERED_EVENTS.toLocaleString("en")} events/s are published over ${OFFERING_CONNECTIONS} HTTP connections, one at a time on each; a stretch ends when every reader has every event that was taken.`,
    offered: OFFERED_EVENTS * OFFERED_READERS,
    async prepare(doors) {
      const load = await openBroadcast(doors[door], kind, OFFERED_READERS, OFFERING_CONNECTIONS);
      return (
        load && {
          run: (durationMs) => load.runOffered(durationMs, OFFERED_EVENTS),
          close: () => load.close(),
        }
      );
    },
  };
}

async function openBroadcast(
  broadcast: Broadcast | undefined,
  kind: BroadcastKind,
  readers: number,
  writers: number,
): Promise<BroadcastLoad | undefined> {
  if (broadcast === undefined) return undefined;
  const opened = await BroadcastReaders.open(kind, broadcast.readUrl, readers, {
    text: broadcast.greeting,
  });
  return BroadcastLoad.open(opened, broadcast.publish, writers);
}

function mqtt(qos: 0 | 1, wire: "TCP" | "WebSocket"): Work {
  return {
    name: `mqtt-qos${qos}-${wire.toLowerCase()}`,
    title: `MQTT QoS ${qos} over ${wire}`,
    unit: qos === 0 ? "messages" : "publishes",
    how:
      qos === 0
        ? "One client publishes, another receives; 50 messages are on their way."
        : "One client publishes with 50 publishes not yet acknowledged; an operation is a PUBACK.",
    async prepare({ mqtt: door }) {
      if (door === undefined) return undefined;
      const address = wire === "TCP" ? door.port : door.webSocketUrl;
      const publishing = await MqttPublishing.open(address, `demo/qos${qos}-${wire.toLowerCase()}`, qos);
      return {
        promise: door.promise,
        run: (durationMs) => publishing.run(durationMs),
        close: () => publishing.close(),
      };
    },
  };
}

const grpc: Work = {
  name: "grpc",
  title: "gRPC unary call",
  unit: "calls",
  how: `GetUser, a point read, on one HTTP/2 connection in clear with ${CALLS} calls at once. Everywire's goes through the gateway, which is counted.`,
  async prepare({ grpc: door }) {
    return door && { run: (durationMs) => loadGrpc(door, CALLS, durationMs) };
  },
};

const queue: Work = {
  name: "queue",
  title: "Work queue: put, take, acknowledge",
  unit: "messages",
  how: "One message at a time: put in, taken out and acknowledged before the next. Everywire over HTTP (three requests), RabbitMQ over AMQP.",
  async prepare({ queue: door }) {
    return door && { promise: door.promise, run: (durationMs) => door.run(durationMs) };
  },
};

export const WORKS: readonly Work[] = [
  requests("read", "REST read of one record", "read", PRODUCT_NAME, "A product by its id from SQLite."),
  publishes(1),
  publishes(MANY_WRITERS),
  closedLoop("fan-out-websocket", "Fan-out over WebSockets", "webSocket", "webSockets"),
  closedLoop("fan-out-sse", "Fan-out over SSE", "stream", "eventStreams"),
  offered("offered-websocket", "WebSockets", "webSocket", "webSockets"),
  offered("offered-sse", "SSE", "stream", "eventStreams"),
  requests("graphql", "GraphQL query", "graphql", PRODUCT_NAME, "A product by its id, five fields."),
  grpc,
  requests("connect", "Connect unary call, JSON", "connect", USER_NAME, "GetUser, a point read."),
  requests("grpc-web", "gRPC-Web unary call", "grpcWeb", USER_NAME, "GetUser, a point read, in Protobuf."),
  requests("json-rpc", "JSON-RPC call", "jsonRpc", PRODUCT_NAME, "A product by its id."),
  mqtt(0, "TCP"),
  mqtt(1, "TCP"),
  mqtt(0, "WebSocket"),
  mqtt(1, "WebSocket"),
  queue,
];
