import { buildIfStale } from "../../../../scripts/build.ts";
import { startGateway } from "../../../../scripts/gateway.ts";
import { findFreePort } from "../../../../scripts/port.ts";
import { serve } from "../../../../scripts/serve.ts";
import { QueueLoad } from "../../../queue-load.ts";
import { prepareRequests } from "../../everywire-requests.ts";
import { GET_USER_PATH } from "../../grpc-message.ts";
import { fetchText, publishOverHttp } from "../http-publishing.ts";
import type { Doors, Peer } from "../peer.ts";

const HOST = "127.0.0.1";
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
  const requests = await prepareRequests(url);
  const { read, graphql, jsonRpc, connect, grpcWeb, publishTo, getUser, authorization } = requests;
  const queue = new QueueLoad(url);
  return {
    read,
    graphql,
    jsonRpc,
    connect,
    grpcWeb,
    publish: publishOverHttp({
      promise: PROMISE,
      load: publishTo("load"),
      counted: publishTo("counted"),
      count: () => countEvents(url),
    }),
    webSockets: { readUrl: `${url}/ws/demo/sockets`, publish: publishTo("sockets") },
    eventStreams: { readUrl: `${url}/sse/demo/streams`, publish: publishTo("streams") },
    grpc: {
      url: `http://${HOST}:${grpcPort}`,
      path: GET_USER_PATH,
      message: getUser,
      headers: authorization,
    },
    mqtt: { promise: PROMISE, port: mqttPort, webSocketUrl: `${url.replace("http", "ws")}/mqtt` },
    queue: { promise: PROMISE, run: (durationMs) => queue.run(durationMs) },
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
