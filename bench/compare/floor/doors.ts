import { BATCH_SUBPROTOCOL } from "../../../wire/socket-frame.ts";
import { BroadcastLoad } from "../../broadcast-load.ts";
import type { BroadcastKind, Greeting } from "../../broadcast-readers.ts";
import { BroadcastReaders } from "../../broadcast-readers.ts";
import { EVENT_BODY, PUBLISH_HEADERS } from "../../everywire-client.ts";
import type { RequestParts } from "../../http-connection.ts";
import { loadHttp } from "../../http-load.ts";
import { loadLines } from "../../line-load.ts";
import { LongPollLoad } from "../../long-poll-load.ts";
import { MqttPublishing } from "../../mqtt-publishing.ts";
import type { Sample } from "../../rounds.ts";
import type { Sides } from "./sides.ts";

/** One door, and the same work on the bare worker. */
export interface FloorDoor {
  readonly name: string;
  readonly title: string;
  /** Its title for where there is little room. */
  readonly label: string;
  readonly unit: string;
  readonly how: string;
  readonly isUnderLoad: boolean;
  readonly offered?: number;
  /** Whether an operation is a write, so that its syncs to the disk are worth counting. */
  readonly isWriting?: boolean;
  open(sides: Sides): Promise<{ readonly ours: Load; readonly bare: Load }>;
}

export interface Load {
  run(durationMs: number): Promise<Sample>;
  close?(): void;
}

const CONNECTIONS = 16;
const MANY_WRITERS = 32;
const READERS = 200;
const OFFERED_READERS = 50;
const OFFERED_EVENTS = 4000;
const OFFERING_CONNECTIONS = 16;
const POLLED_CHANNELS = 16;

function requests(
  name: string,
  title: string,
  how: string,
  toRequests: (sides: Sides) => { readonly ours: RequestParts; readonly bare: RequestParts },
  connections = CONNECTIONS,
  unit = "requests",
): FloorDoor {
  const load = (parts: RequestParts): Load => ({
    run: (durationMs) => loadHttp(parts, connections, durationMs),
  });
  return {
    name,
    title,
    label: title,
    unit,
    how: `${how} ${connections === 1 ? "1 connection" : `${connections} connections`}.`,
    isUnderLoad: connections === MANY_WRITERS,
    async open(sides) {
      const { ours, bare } = toRequests(sides);
      return { ours: load(ours), bare: load(bare) };
    },
  };
}

function call(name: "graphql" | "jsonRpc" | "connect" | "grpcWeb", title: string): FloorDoor {
  const how =
    "A point read by RPC to a Durable Object; the floor reads the request without parsing it, and answers the same bytes.";
  return requests(name, title, how, ({ ours, bare }) => {
    const parts = ours.requests[name];
    return { ours: parts, bare: { ...parts, url: `${bare.url}/call/${name}` } };
  });
}

function publish(writers: number): FloorDoor {
  const door = requests(
    `publish-${writers}`,
    `Publish, ${writers === 1 ? "1 writer" : `${writers} writers`}`,
    "An event appended and acknowledged; the floor makes one insert for each request.",
    ({ ours, bare }) => ({
      ours: ours.requests.publishTo(`floor-${writers}`),
      bare: toBareAppend(bare.url, `publish-${writers}`),
    }),
    writers,
    "events",
  );
  return { ...door, isWriting: true };
}

function toBareAppend(url: string, name: string): RequestParts {
  return { method: "POST", url: `${url}/append/${name}`, headers: PUBLISH_HEADERS, body: EVENT_BODY };
}

interface FanOutShape {
  readonly title: string;
  readonly kind: BroadcastKind;
  /** Everywire's door, and the bare worker's. */
  readonly paths: readonly [ours: string, bare: string];
  readonly what: string;
  /** What Everywire's readers ask for; the bare worker's ask for nothing. */
  readonly subprotocol?: string;
}

const WEB_SOCKETS: FanOutShape = {
  title: "WebSockets",
  kind: "webSocket",
  paths: ["ws", "read"],
  what: "the floor sends to each socket in a loop, in the object",
};
const WEB_SOCKET_BATCHES: FanOutShape = {
  ...WEB_SOCKETS,
  title: "WebSockets that take batches",
  what: "Everywire's readers ask for several events in a frame (`everywire.batch`), and the floor sends each by itself",
  subprotocol: BATCH_SUBPROTOCOL,
};
const EVENT_STREAMS: FanOutShape = {
  title: "SSE",
  kind: "stream",
  paths: ["sse", "read"],
  what: "the floor holds the streams in the object, and writes to each in a loop",
};
const LINE_STREAMS: FanOutShape = {
  title: "NDJSON streams",
  kind: "stream",
  paths: ["stream", "lines"],
  what: "the floor holds the streams in the object, and writes to each in a loop",
};

function fanOut(name: string, shape: FanOutShape, isOffered: boolean): FloorDoor {
  const readers = isOffered ? OFFERED_READERS : READERS;
  const load = async (readUrl: string, parts: RequestParts, greeting: Greeting = {}): Promise<Load> => {
    const opened = await BroadcastReaders.open(shape.kind, readUrl, readers, greeting);
    const broadcast = await BroadcastLoad.open(opened, parts, isOffered ? OFFERING_CONNECTIONS : 1);
    return {
      run: (durationMs) =>
        isOffered ? broadcast.runOffered(durationMs, OFFERED_EVENTS) : broadcast.runClosedLoop(durationMs),
      close: () => broadcast.close(),
    };
  };
  return {
    name,
    title: isOffered
      ? `${shape.title}, ${OFFERED_EVENTS.toLocaleString("en")} events/s offered to ${readers} readers`
      : `Fan-out over ${shape.title}, ${readers} readers`,
    label: isOffered ? `${shape.title}, offered load` : `${shape.title}, ${readers} readers`,
    unit: "deliveries",
    how: `${isOffered ? `Published on ${OFFERING_CONNECTIONS} connections` : "An event when all have the one before"}, the durable insert included; ${shape.what}.`,
    isUnderLoad: isOffered,
    ...(isOffered ? { offered: OFFERED_EVENTS * readers } : {}),
    async open({ ours, bare }) {
      const [ourPath, barePath] = shape.paths;
      const { subprotocol } = shape;
      const greeting = subprotocol === undefined ? {} : { subprotocol };
      return {
        ours: await load(`${ours.url}/${ourPath}/demo/${name}`, ours.requests.publishTo(name), greeting),
        bare: await load(`${bare.url}/${barePath}/${name}`, toBareAppend(bare.url, name)),
      };
    },
  };
}

const longPoll: FloorDoor = {
  name: "long-poll",
  title: "Long polling",
  label: "Long polling",
  unit: "events",
  isWriting: true,
  how: `On each of ${POLLED_CHANNELS} channels a poll waits and an event is published; the floor parks it in the object and reads the log when it wakes.`,
  isUnderLoad: false,
  async open({ ours, bare }) {
    const indexes = Array.from({ length: POLLED_CHANNELS }, (_, index) => index);
    const ourChannels = indexes.map((index) => ({
      pollUrl: `${ours.url}/poll/demo/floor-poll-${index}?timeout=20&after=`,
      earliest: "earliest",
      publish: ours.requests.publishTo(`floor-poll-${index}`),
    }));
    const bareChannels = indexes.map((index) => ({
      pollUrl: `${bare.url}/poll/poll-${index}?after=`,
      earliest: "0",
      publish: toBareAppend(bare.url, `poll-${index}`),
    }));
    return { ours: new LongPollLoad(ourChannels), bare: new LongPollLoad(bareChannels) };
  },
};

function mqtt(window: number): FloorDoor {
  const title = window === 1 ? "one at a time" : `${window} not yet acknowledged`;
  return {
    name: `mqtt-${window}`,
    title: `MQTT QoS 1 over WebSocket, ${title}`,
    label: window === 1 ? "MQTT QoS 1, one at a time" : `MQTT QoS 1, ${window} under way`,
    unit: "publishes",
    isWriting: true,
    how: "A PUBLISH is stored and its PUBACK sent; the floor knows no more of MQTT than that, and stores in the object that has the socket.",
    isUnderLoad: window > 1,
    async open({ ours, bare }) {
      const load = async (url: string): Promise<Load> =>
        MqttPublishing.open(url.replace("http", "ws"), `demo/floor-mqtt-${window}`, 1, window);
      return { ours: await load(`${ours.url}/mqtt`), bare: await load(`${bare.url}/mqtt/mqtt-${window}`) };
    },
  };
}

function lines(connections: number): FloorDoor {
  const on = connections === 1 ? "1 connection" : `${connections} connections`;
  return {
    name: `tcp-${connections}`,
    title: `TCP lines: publish on ${on}`,
    label: `TCP lines, ${on}`,
    isWriting: true,
    unit: "events",
    how: `A JSON line, stored, and a line back before the next, on ${on}; the floor stores the line unparsed.`,
    isUnderLoad: connections > 1,
    async open({ ours, bare }) {
      const publishing = { op: "publish", channel: "demo/floor-tcp", ...JSON.parse(EVENT_BODY) };
      const load = (port: number, line: string): Load => ({
        run: (durationMs) => loadLines(port, line, connections, durationMs),
      });
      return {
        ours: load(ours.tcpPort, `${JSON.stringify(publishing)}\n`),
        bare: load(bare.tcpPort, `${EVENT_BODY}\n`),
      };
    },
  };
}

export const FLOOR_DOORS: readonly FloorDoor[] = [
  requests(
    "constant",
    "Constant answer",
    "`GET /health`; the floor answers a constant.",
    ({ ours, bare }) => ({
      ours: { method: "GET", url: `${ours.url}/health` },
      bare: { method: "GET", url: `${bare.url}/constant` },
    }),
  ),
  requests(
    "read",
    "REST read of one record",
    "A point read by RPC to a Durable Object; the floor checks no token.",
    ({ ours, bare }) => ({
      ours: ours.requests.read,
      bare: { ...ours.requests.read, url: `${bare.url}/get/records` },
    }),
  ),
  publish(1),
  publish(MANY_WRITERS),
  fanOut("fan-out-websocket", WEB_SOCKETS, false),
  fanOut("offered-websocket", WEB_SOCKETS, true),
  fanOut("offered-batches", WEB_SOCKET_BATCHES, true),
  fanOut("fan-out-sse", EVENT_STREAMS, false),
  fanOut("offered-sse", EVENT_STREAMS, true),
  fanOut("fan-out-ndjson", LINE_STREAMS, false),
  longPoll,
  call("graphql", "GraphQL query"),
  call("connect", "Connect unary call, JSON"),
  call("grpcWeb", "gRPC-Web unary call"),
  call("jsonRpc", "JSON-RPC call"),
  mqtt(1),
  mqtt(50),
  lines(1),
  lines(CONNECTIONS),
];
