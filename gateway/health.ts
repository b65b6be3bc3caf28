import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrokerStatus } from "./mirror/broker-link.ts";

export interface HealthReport {
  /** Since when the Worker is away, in milliseconds since 1970; undefined while it is there. */
  readonly workerLostAtMs: number | undefined;
  /** Whether the process runs that has HTTP/3. */
  readonly hasHttp3: boolean;
  readonly requests: number;
  readonly upstream: number;
  /** Of WebTransport. */
  readonly sessions: number;
  readonly connections: number;
  /** Subscriptions over UDP. */
  readonly leases: number;
  /** Whether the broker is reached, and how many channels go out to it. */
  readonly amqp?: BrokerStatus & { readonly calls: string; readonly channels: number };
  /** The same of the other MQTT broker. */
  readonly mqttBridge?: BrokerStatus & { readonly channels: number };
}

/**
 * `GET /health` says that the gateway runs, and `GET /ready` that it reaches the Worker as well: a gateway that is
 * started anew because the Worker is away would help nobody.
 */
export async function listenHealth(host: string, port: number, report: () => Promise<HealthReport>) {
  const server = createServer(async (request, response) => {
    const path = request.url?.split("?")[0];
    const isKnown = path === "/health" || path === "/ready";
    const { workerLostAtMs, hasHttp3, ...counts } = await report();
    const isAway = workerLostAtMs !== undefined;
    const worker = isAway
      ? { status: "unreachable", since: new Date(workerLostAtMs).toISOString() }
      : { status: "ok" };
    const isBad = path === "/ready" && isAway;
    response.writeHead(isKnown ? (isBad ? 503 : 200) : 404, {
      "content-type": "application/json",
      "cache-control": "no-store",
    });
    const body = isKnown
      ? { status: isBad ? "unavailable" : "ok", worker, http3: hasHttp3 ? "ok" : "restarting", ...counts }
      : {};
    response.end(request.method === "HEAD" ? undefined : JSON.stringify(body));
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  server.listen({ host, port });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async stop(): Promise<void> {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
