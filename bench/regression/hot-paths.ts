import { EVENT_BODY, PUBLISH_HEADERS, prepare } from "../everywire-client.ts";
import { FanOut } from "../fan-out.ts";
import type { RequestParts } from "../http-connection.ts";
import { loadHttp } from "../http-load.ts";
import { MqttPublisher } from "../mqtt-publisher.ts";
import type { ReaderKind } from "../readers.ts";
import type { Sample } from "../rounds.ts";
import type { Server } from "../servers.ts";

/** Load on one server, one turn at a time. */
export interface Load {
  run(durationMs: number): Promise<Sample>;
  close(): void;
}

/** A tree's server, with what the paths read on it. */
export interface Subject {
  readonly server: Server;
  readonly token: string;
  readonly productUrl: string;
  readonly product: string;
  readonly userId: string;
}

/** One of the ways through the server that most calls take. */
export interface HotPath {
  readonly name: string;
  readonly title: string;
  /** Opens what the load needs. Rejects where the tree does not have the path. */
  open(subject: Subject): Promise<Load>;
  /** The same work, or the nearest to it, on a bare workerd. */
  openBare(bare: Server): Promise<Load>;
}

const CONNECTIONS = 16;
const READERS = 200;
const JSON_TYPE = { "content-type": "application/json" };

export const HOT_PATHS: readonly HotPath[] = [
  {
    name: "read",
    title: "REST read, 16 connections",
    open: ({ productUrl, token }) =>
      openHttp({ method: "GET", url: productUrl, headers: toHeaders(token) }, CONNECTIONS),
    openBare: ({ url }) => openHttp({ method: "GET", url: `${url}/get/records` }, CONNECTIONS),
  },
  ...[1, 16, 32].map(toPublishPath),
  toFanOutPath("WebSocket", "ws"),
  toFanOutPath("SSE", "sse"),
  {
    name: "connect",
    title: "Connect unary, GetUser",
    open: ({ server, token, userId }) =>
      openHttp(
        {
          method: "POST",
          url: `${server.url}/everywire.v1.UserService/GetUser`,
          headers: { ...JSON_TYPE, ...toHeaders(token) },
          body: JSON.stringify({ id: userId }),
        },
        CONNECTIONS,
      ),
    openBare: ({ url }) => openHttp({ method: "GET", url: `${url}/get/records` }, CONNECTIONS),
  },
  {
    name: "grpc-web",
    title: "gRPC-Web unary, GetUser",
    open: ({ server, token, userId }) =>
      openHttp(
        {
          method: "POST",
          url: `${server.url}/everywire.v1.UserService/GetUser`,
          headers: { "content-type": "application/grpc-web+proto", ...toHeaders(token) },
          body: toGrpcFrame(userId),
        },
        CONNECTIONS,
        // gRPC-Web answers 200 to everything; how it went is in the trailers at the end of the body.
        /grpc-status: ?0\r\n/i,
      ),
    openBare: ({ url }) => openHttp({ method: "GET", url: `${url}/get/records` }, CONNECTIONS),
  },
  {
    name: "mqtt",
    title: "MQTT QoS 1 publish, window of 16",
    open: ({ server }) => MqttPublisher.open(`${server.url.replace(/^http/, "ws")}/mqtt`, "demo/bench-mqtt"),
    openBare: ({ url }) => openHttp(toPublish(`${url}/append/bench-mqtt`), CONNECTIONS),
  },
];

/** Makes what the paths read. */
export async function prepareSubject(server: Server): Promise<Subject> {
  const { token, productUrl, product } = await prepare(server.url);
  const response = await fetch(`${server.url}/api/v1/users`, {
    method: "POST",
    headers: { ...JSON_TYPE, ...toHeaders(token) },
    body: JSON.stringify({ name: "Ada Bench", email: "ada@bench.example" }),
  });
  if (response.status !== 201) throw new Error(`A user was answered ${response.status}.`);
  const { id } = (await response.json()) as { id: string };
  return { server, token, productUrl, product, userId: id };
}

function toPublishPath(writers: number): HotPath {
  const name = `publish-${writers}`;
  return {
    name,
    title: `Publish, ${writers === 1 ? "1 writer" : `${writers} writers`}`,
    open: ({ server }) => openHttp(toPublish(`${server.url}/channels/demo/bench-${name}`), writers),
    openBare: ({ url }) => openHttp(toPublish(`${url}/append/${name}`), writers),
  };
}

function toFanOutPath(kind: ReaderKind, door: string): HotPath {
  const name = `fan-out-${door}`;
  return {
    name,
    title: `Fan-out to ${READERS} ${kind} readers`,
    open: ({ server: { url } }) =>
      openFanOut(kind, `${url}/${door}/demo/${name}`, toPublish(`${url}/channels/demo/${name}`)),
    openBare: ({ url }) => openFanOut(kind, `${url}/read/${name}`, toPublish(`${url}/append/${name}`)),
  };
}

/** @param wanted what the answer has to say; it is asked for once, before the load */
async function openHttp(parts: RequestParts, connections: number, wanted?: RegExp): Promise<Load> {
  const { method, url, headers, body } = parts;
  const answer = await fetch(url, {
    method,
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body: Buffer.from(body, "latin1") }),
  });
  const text = await answer.text();
  if (!answer.ok || (wanted !== undefined && !wanted.test(text)))
    throw new Error(
      `${method} ${new URL(url).pathname} was answered ${answer.status}: ${text.slice(0, 200)}`,
    );
  return { run: (durationMs) => loadHttp(parts, connections, durationMs), close: () => undefined };
}

async function openFanOut(kind: ReaderKind, readUrl: string, publish: RequestParts): Promise<Load> {
  const fanOut = await FanOut.open(kind, readUrl, publish, READERS);
  return { run: (durationMs) => fanOut.runClosedLoop(durationMs), close: () => fanOut.close() };
}

function toPublish(url: string): RequestParts {
  return { method: "POST", url, headers: PUBLISH_HEADERS, body: EVENT_BODY };
}

function toHeaders(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

/** A gRPC message (length-prefixed, not compressed) of one string in field 1, a character for each byte. */
function toGrpcFrame(text: string): string {
  const message = Buffer.concat([Buffer.from([0x0a, Buffer.byteLength(text)]), Buffer.from(text)]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]).toString("latin1");
}
