import type { ExperienceServer } from "./server.ts";

/** One of the smallest clients, and how it is run. */
export interface Subject {
  readonly name: string;
  /** Its file in `examples/clients/`. */
  readonly file: string;
  /** Where it connects. */
  address(server: ExperienceServer): string;
  /** What carries it: what has to be cut, and what a proxy is put before. A receiver is connected to. */
  readonly carrier: "http" | "tcp" | "udp" | "receiver";
  /** Whether all that its file does is to go on, so that nothing can be tried without it. */
  readonly isAllResuming?: true;
  /** Where Node lacks what the file needs. */
  readonly runtime?: "deno";
  /** Why order is not promised, where it is not. */
  readonly unordered?: string;
  /** Whether its file publishes nothing, since the wire does not. */
  readonly isReadOnly?: true;
  /** Reads the channel with curl; left out where there is no command that a person would type: frames, binary calls. */
  curl?(server: Omit<ExperienceServer, "token" | "stop" | "webTransport">, channel: string): CurlCall;
}

/** What curl is started with. */
export interface CurlCall {
  readonly options: readonly string[];
  /** A line for its standard input. */
  readonly input?: string;
}

const toHttp = ({ url }: ExperienceServer) => url;
const toJsonPost = (url: string, body: object, ...more: readonly string[]): CurlCall => ({
  options: [...more, url, "-H", "content-type: application/json", "-d", JSON.stringify(body)],
});
const SUBSCRIPTION = 'subscription($c: String!) { events(channel: $c, after: "earliest") { sequence data } }';

export const SUBJECTS: readonly Subject[] = [
  {
    name: "HTTP, polling",
    file: "http",
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) => ({ options: [`${url}/channels/${channel}?after=earliest`] }),
  },
  {
    name: "Long polling",
    file: "long-poll",
    isReadOnly: true,
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) => ({ options: [`${url}/poll/${channel}?after=earliest`] }),
  },
  {
    name: "Server-sent events",
    file: "sse",
    isReadOnly: true,
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) => ({ options: ["-N", `${url}/sse/${channel}?after=earliest`] }),
  },
  {
    name: "NDJSON stream",
    file: "stream",
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) => ({ options: ["-N", `${url}/stream/${channel}?after=earliest`] }),
  },
  {
    name: "WebSocket",
    file: "websocket",
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) => ({
      options: ["-N", `${url.replace(/^http/, "ws")}/ws/${channel}?after=earliest`],
    }),
  },
  { name: "GraphQL over WebSocket", file: "graphql-ws", address: toHttp, carrier: "http" },
  {
    name: "GraphQL over SSE",
    file: "graphql-sse",
    isReadOnly: true,
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) =>
      toJsonPost(
        `${url}/graphql`,
        { query: SUBSCRIPTION, variables: { c: channel } },
        "-N",
        "-H",
        "accept: text/event-stream",
      ),
  },
  {
    name: "Connect",
    file: "connect",
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) =>
      toJsonPost(`${url}/everywire.v1.ChannelService/Read`, { channel, after: "earliest" }),
  },
  { name: "gRPC-Web", file: "grpc-web", address: toHttp, carrier: "http" },
  {
    name: "gRPC",
    file: "grpc",
    address: ({ grpcPort }) => `http://127.0.0.1:${grpcPort}`,
    carrier: "tcp",
  },
  {
    name: "JSON-RPC",
    file: "json-rpc",
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) =>
      toJsonPost(`${url}/rpc`, {
        jsonrpc: "2.0",
        id: 1,
        method: "channel.read",
        params: { channel, after: "earliest" },
      }),
  },
  {
    name: "Durable Streams",
    file: "durable-streams",
    address: toHttp,
    carrier: "http",
    curl: ({ url }, channel) => ({ options: [`${url}/v1/stream/${channel}?offset=-1`] }),
  },
  {
    name: "MQTT over WebSocket",
    file: "mqtt",
    address: ({ url }) => `${url.replace(/^http/, "ws")}/mqtt`,
    carrier: "http",
  },
  {
    name: "MQTT over TCP",
    file: "mqtt",
    address: ({ mqttPort }) => `mqtt://127.0.0.1:${mqttPort}`,
    carrier: "tcp",
    curl: ({ mqttPort }, channel) => ({ options: ["-N", `mqtt://127.0.0.1:${mqttPort}/${channel}`] }),
  },
  {
    name: "TCP lines",
    file: "tcp",
    address: ({ tcpPort }) => `tcp://127.0.0.1:${tcpPort}`,
    carrier: "tcp",
    curl: ({ tcpPort }, channel) => ({
      options: ["-N", `telnet://127.0.0.1:${tcpPort}`],
      input: JSON.stringify({ op: "subscribe", channel, after: "earliest" }),
    }),
  },
  {
    name: "UDP datagrams",
    file: "udp",
    address: ({ udpPort }) => `udp://127.0.0.1:${udpPort}`,
    carrier: "udp",
    isAllResuming: true,
  },
  {
    name: "WebTransport",
    file: "webtransport",
    runtime: "deno",
    address: ({ webTransport }) => {
      if (webTransport === undefined) throw new Error("The gateway has no HTTP/3 here.");
      return `https://127.0.0.1:${webTransport.port}#${encodeURIComponent(webTransport.certificateHash)}`;
    },
    carrier: "udp",
  },
  {
    name: "Webhooks",
    file: "webhook",
    isReadOnly: true,
    address: toHttp,
    carrier: "receiver",
  },
  {
    name: "Queue",
    file: "queue",
    address: toHttp,
    carrier: "http",
    unordered: "what a consumer had and did not settle is handed out again later, behind what came meanwhile",
    curl: ({ url }, channel) => toJsonPost(`${url}/queue/${channel}/lease`, { max: 1 }),
  },
  { name: "Our TypeScript client", file: "everywire", address: toHttp, carrier: "http" },
];
