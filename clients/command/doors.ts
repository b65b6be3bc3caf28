import type { Via } from "../../guide/protocol.ts";
import type { ReadDoor } from "./doors/door.ts";
import type { PortName } from "./target.ts";

/** The ways to read that a program in a terminal has, and the one that finds its own. */
export type DoorName = Exclude<Via, "webtransport"> | "auto";

export interface DoorEntry {
  readonly name: DoorName;
  readonly text: string;
  /** The port it needs, where that is not the server's own. */
  readonly port?: PortName;
  load(): Promise<ReadDoor>;
}

const fromClient = (...names: Parameters<typeof import("./doors/client.ts").createClientDoor>[0]) => {
  return async () => (await import("./doors/client.ts")).createClientDoor(names);
};

/** Every reading door. WebTransport is missing: Node has no QUIC, and the page has it. */
export const DOORS: readonly DoorEntry[] = [
  {
    name: "auto",
    text: "the client's ladder: the best wire that works here",
    load: fromClient("websocket", "sse", "ndjson", "long-poll"),
  },
  { name: "sse", text: "server-sent events", load: fromClient("sse") },
  { name: "ndjson", text: "lines of JSON over HTTP", load: fromClient("ndjson") },
  { name: "websocket", text: "WebSocket", load: fromClient("websocket") },
  { name: "long-poll", text: "long polling", load: fromClient("long-poll") },
  {
    name: "durable-streams",
    text: "Durable Streams, tailed by SSE",
    load: async () => (await import("./doors/durable-streams.ts")).read,
  },
  {
    name: "graphql-sse",
    text: "GraphQL's subscription over SSE",
    load: async () => (await import("./doors/graphql-sse.ts")).read,
  },
  {
    name: "graphql-ws",
    text: "GraphQL's subscription over WebSocket",
    load: async () => (await import("./doors/graphql-ws.ts")).read,
  },
  { name: "connect", text: "Connect, in JSON", load: async () => (await import("./doors/connect.ts")).read },
  {
    name: "grpc-web",
    text: "gRPC-Web, in protobuf",
    load: async () => (await import("./doors/grpc-web.ts")).read,
  },
  {
    name: "grpc",
    text: "gRPC over HTTP/2, through the gateway",
    port: "GRPC_PORT",
    load: async () => (await import("./doors/grpc.ts")).read,
  },
  {
    name: "json-rpc",
    text: "JSON-RPC over WebSocket",
    load: async () => (await import("./doors/json-rpc.ts")).read,
  },
  {
    name: "mqtt",
    text: "MQTT 5 over TCP",
    port: "MQTT_PORT",
    load: async () => (await import("./doors/mqtt.ts")).read,
  },
  {
    name: "tcp",
    text: "JSON lines over TCP",
    port: "TCP_PORT",
    load: async () => (await import("./doors/tcp.ts")).read,
  },
  {
    name: "udp",
    text: "JSON datagrams, through the gateway",
    port: "UDP_PORT",
    load: async () => (await import("./doors/udp.ts")).read,
  },
  {
    name: "http",
    text: "polling by page, twice a second",
    load: async () => (await import("./doors/http.ts")).read,
  },
];

export const DOOR_NAMES: readonly DoorName[] = DOORS.map(({ name }) => name);

/** The doors that race and bench compare: all but the one that picks among them. */
export const COMPARED_DOORS: readonly DoorEntry[] = DOORS.filter(({ name }) => name !== "auto");

/** The door of a name that was checked. */
export function doorOf(name: string): DoorEntry {
  const found = DOORS.find((door) => door.name === name);
  if (found === undefined) throw new Error(`There is no door '${name}'.`);
  return found;
}
