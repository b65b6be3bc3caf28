import { buildIfStale } from "../../../../scripts/build.ts";
import { startGateway } from "../../../../scripts/gateway.ts";
import { findFreePort } from "../../../../scripts/port.ts";
import { serve } from "../../../../scripts/serve.ts";
import { EVENT_BODY, PUBLISH_HEADERS, prepare } from "../../../everywire-client.ts";
import type { RequestParts } from "../../../http-connection.ts";
import { fetchText, publishOverHttp } from "../http-publishing.ts";
import type { Doors, Peer } from "../peer.ts";
import { QueueLoad } from "../queue-load.ts";
import { GET_USER_PATH, toEnvelope, toGetUser } from "./records.ts";

const HOST = "127.0.0.1";
const JSON_HEADERS = { "content-type": "application/json" };
const ENVIRONMENT = { DEV_AUTH: "true", RATE_LIMITS: "off" };
const PROMISE = "on disk (SQLite of the Durable Object)";

/** Everywire as `npm start` serves it, gateway included, without rate limits. */
export const everywire: Peer = {
  name: "Everywire",
  setup: "as `npm start` serves it, with the gateway, without rate limits; a token is checked with each read",
  needs: [],
  async start(stateDirectory) {
    await buildIfStale();
    const tcpPorts = { TCP_PORT: await findFreePort(HOST), MQTT_PORT: await findFreePort(HOST) };
    const options = {
      port: await findFreePort(HOST),
      qstashPort: await findFreePort(HOST),
      tcpPorts,
      stateDirectory,
      environment: ENVIRONMENT,
    };
    let served = await serve(options);
    const gateway = await startGateway({ url: served.url, stateDirectory, onLog: () => undefined });
    return {
      doors: await openDoors(served.url, tcpPorts.MQTT_PORT, gateway.ports.GRPC_PORT),
      processIds: () => [served.runtime.pid ?? 0, gateway.process.pid ?? 0],
      kill: () => served.kill(),
      async restart() {
        served = await serve(options);
      },
      async stop() {
        await gateway.stop();
        await served.stop();
      },
    };
  },
};

async function openDoors(url: string, mqttPort: number, grpcPort: number): Promise<Doors> {
  const { token, productUrl } = await prepare(url);
  const authorization = { authorization: `Bearer ${token}` };
  const productId = productUrl.slice(productUrl.lastIndexOf("/") + 1);
  const post = (path: string, body: string, headers = {}): RequestParts => ({
    method: "POST",
    url: `${url}${path}`,
    headers: { ...JSON_HEADERS, ...headers },
    body,
  });
  const publishTo = (name: string) => post(`/channels/demo/${name}`, EVENT_BODY, PUBLISH_HEADERS);
  const user = JSON.parse(
    await fetchText(`${url}/api/v1/users`, {
      method: "POST",
      headers: { ...JSON_HEADERS, ...authorization },
      body: JSON.stringify({ name: "Ada Lovelace", email: "ada@example.com" }),
    }),
  ) as { id: string };
  const getUser = toGetUser(user.id);
  return {
    read: { method: "GET", url: productUrl, headers: authorization },
    publish: publishOverHttp({
      promise: PROMISE,
      load: publishTo("load"),
      counted: publishTo("counted"),
      count: () => countEvents(url),
    }),
    webSockets: { readUrl: `${url}/ws/demo/sockets`, publish: publishTo("sockets") },
    eventStreams: { readUrl: `${url}/sse/demo/streams`, publish: publishTo("streams") },
    graphql: post(
      "/graphql",
      JSON.stringify({ query: `{product(id:"${productId}"){id name category price stock}}` }),
      authorization,
    ),
    jsonRpc: post(
      "/rpc",
      JSON.stringify({ jsonrpc: "2.0", id: 1, method: "products.get", params: { id: productId } }),
      authorization,
    ),
    connect: post(GET_USER_PATH, JSON.stringify({ id: user.id }), authorization),
    grpcWeb: {
      ...post(GET_USER_PATH, toEnvelope(getUser)),
      headers: { "content-type": "application/grpc-web+proto", ...authorization },
    },
    grpc: {
      url: `http://${HOST}:${grpcPort}`,
      path: GET_USER_PATH,
      message: getUser,
      headers: authorization,
    },
    mqtt: { promise: PROMISE, port: mqttPort, webSocketUrl: `${url.replace("http", "ws")}/mqtt` },
    queue: new QueueLoad(url, PROMISE),
  };
}

async function countEvents(url: string): Promise<number> {
  let count = 0;
  for (let after = "earliest"; ; ) {
    const text = await fetchText(`${url}/channels/demo/counted?limit=1000&after=${after}`);
    const page = JSON.parse(text) as { events: readonly unknown[]; next: string; upToDate: boolean };
    count += page.events.length;
    if (page.upToDate || page.events.length === 0) return count;
    after = page.next;
  }
}
