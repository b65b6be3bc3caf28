import { join } from "node:path";
import { findFreePort } from "../../../../scripts/port.ts";
import { EVENT_BODY } from "../../../everywire-client.ts";
import type { RequestParts } from "../../../http-connection.ts";
import { GET_USER_PATH, toEnvelope } from "../../grpc-message.ts";
import { fetchText, publishOverHttp } from "../http-publishing.ts";
import type { Doors, Need, Peer } from "../peer.ts";
import { ServerGroup } from "../server-group.ts";
import { npmNeed, PROTOS, serverPath } from "./paths.ts";
import { GET_USER, PRODUCT_ID, USER_ID } from "./records.ts";

const HOST = "127.0.0.1";
const JSON_HEADERS = { "content-type": "application/json" };

interface NodePeer {
  readonly name: string;
  readonly setup: string;
  readonly needs: readonly Need[];
  readonly program: string;
  readonly arguments?: readonly string[];
  toDoors(url: string): Doors | Promise<Doors>;
}

/** A peer that is one program of `servers/`, on this Node. */
function nodePeer({ name, setup, needs, program, arguments: more = [], toDoors }: NodePeer): Peer {
  return {
    name,
    setup,
    needs,
    async start(directory) {
      const port = await findFreePort(HOST);
      const started = {
        command: process.execPath,
        arguments: [serverPath(program), String(port), ...more],
        port,
      };
      const group = await ServerGroup.start([started], directory);
      return Object.assign(group, { doors: await toDoors(`http://${HOST}:${port}`) });
    },
  };
}

function post(url: string, body: string): RequestParts {
  return { method: "POST", url, headers: JSON_HEADERS, body };
}

export const nodeHttp = nodePeer({
  name: "node:http",
  setup: "no framework, 1 process, node:sqlite",
  needs: [],
  program: "node-http.js",
  toDoors: (url) => ({
    read: { method: "GET", url: `${url}/products/${PRODUCT_ID}` },
    eventStreams: { readUrl: `${url}/sse`, publish: post(`${url}/publish`, EVENT_BODY) },
  }),
});

export const fastify = nodePeer({
  name: "Fastify",
  setup: "1 process, node:sqlite, a schema for its answers",
  needs: [npmNeed("fastify")],
  program: "fastify-app.js",
  toDoors: (url) => ({
    read: { method: "GET", url: `${url}/products/${PRODUCT_ID}` },
    jsonRpc: post(
      `${url}/rpc`,
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "products.get", params: { id: PRODUCT_ID } }),
    ),
  }),
});

export const ws = nodePeer({
  name: "ws",
  setup: "on Node, 1 process, without compression",
  needs: [npmNeed("ws")],
  program: "ws.js",
  toDoors: (url) => ({ webSockets: { readUrl: `${url}/`, publish: post(`${url}/publish`, EVENT_BODY) } }),
});

export const socketIo = nodePeer({
  name: "Socket.IO",
  setup: "on Node, 1 process, WebSockets only",
  needs: [npmNeed("socket.io")],
  program: "socket-io.js",
  toDoors: (url) => ({
    webSockets: {
      readUrl: `${url}/socket.io/?EIO=4&transport=websocket`,
      publish: post(`${url}/publish`, EVENT_BODY),
      greeting: "40",
    },
  }),
});

export const yoga = nodePeer({
  name: "GraphQL Yoga on Node",
  setup: "1 process, node:sqlite",
  needs: [npmNeed("graphql-yoga"), npmNeed("graphql")],
  program: "yoga.js",
  toDoors: (url) => ({
    graphql: post(
      `${url}/graphql`,
      JSON.stringify({ query: `{product(id:"${PRODUCT_ID}"){id name category price stock}}` }),
    ),
  }),
});

export const grpcJs = nodePeer({
  name: "@grpc/grpc-js",
  setup: "1 process, node:sqlite",
  needs: [npmNeed("@grpc/grpc-js"), npmNeed("@grpc/proto-loader")],
  program: "grpc-js.js",
  arguments: [PROTOS],
  toDoors: (url) => ({ grpc: { url, path: GET_USER_PATH, message: GET_USER } }),
});

export const connectNode = nodePeer({
  name: "connect-node",
  setup: "1 process, node:sqlite, HTTP/1.1",
  needs: [npmNeed("@connectrpc/connect-node"), npmNeed("@bufbuild/protobuf")],
  program: "connect-node.js",
  arguments: [join(PROTOS, "gen", "everywire", "v1", "user_service_pb.ts")],
  toDoors: (url) => ({
    connect: post(`${url}${GET_USER_PATH}`, JSON.stringify({ id: USER_ID })),
    grpcWeb: {
      method: "POST",
      url: `${url}${GET_USER_PATH}`,
      headers: { "content-type": "application/grpc-web+proto" },
      body: toEnvelope(GET_USER),
    },
  }),
});

export const durableStreams = nodePeer({
  name: "Durable Streams server",
  setup: "the reference server, file-backed, 1 process; for production its authors recommend another server",
  needs: [npmNeed("@durable-streams/server")],
  program: "durable-streams.js",
  async toDoors(url) {
    const streamUrl = (name: string) => `${url}/v1/stream/${name}`;
    for (const name of ["load", "counted", "streams"]) {
      await fetchText(streamUrl(name), { method: "PUT", headers: JSON_HEADERS });
    }
    return {
      publish: publishOverHttp({
        promise: "on disk (`fdatasync`, shared by those who wait)",
        load: post(streamUrl("load"), EVENT_BODY),
        counted: post(streamUrl("counted"), EVENT_BODY),
        count: () => countStream(streamUrl("counted")),
      }),
      eventStreams: {
        readUrl: `${streamUrl("streams")}?offset=-1&live=sse`,
        publish: post(streamUrl("streams"), EVENT_BODY),
      },
    };
  },
});

async function countStream(url: string): Promise<number> {
  let count = 0;
  for (let offset = "-1"; ; ) {
    const response = await fetch(`${url}?offset=${offset}`);
    const text = await response.text();
    count += (JSON.parse(text || "[]") as readonly unknown[]).length;
    if (response.headers.get("stream-up-to-date") !== null || text === "[]") return count;
    offset = response.headers.get("stream-next-offset") ?? "";
  }
}
