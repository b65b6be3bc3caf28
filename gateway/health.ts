import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { GatewayDoor } from "./doors.ts";
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

/** What is there now by way of the gateway, as the Worker's `/capabilities` tells on. */
export interface Offer {
  /** By the name of the setting. */
  readonly ports: object;
  /** The versions of HTTP on which every HTTP door is reached. */
  readonly http: readonly string[];
  /** SHA-256 of the certificate in base64: what a page gives to WebTransport where no authority signed it. */
  readonly certificateHash: string;
  readonly doors: readonly GatewayDoor[];
}

export interface HealthOptions {
  readonly host: string;
  readonly port: number;
  readonly report: () => Promise<HealthReport>;
  /** Given the port that health took. */
  readonly offer: (healthPort: number) => Offer;
}

/**
 * `GET /health` says that the gateway runs, and `GET /ready` that it reaches the Worker as well: a gateway that is
 * started anew because the Worker is away would help nobody. `GET /doors` says what it offers.
 */
export async function listenHealth({ host, port, report, offer }: HealthOptions) {
  const answer = async (
    path: string | undefined,
  ): Promise<{ readonly status: number; readonly body: object }> => {
    if (path === "/doors") return { status: 200, body: offer((server.address() as AddressInfo).port) };
    if (path !== "/health" && path !== "/ready") return { status: 404, body: {} };
    const { workerLostAtMs, hasHttp3, ...counts } = await report();
    const isAway = workerLostAtMs !== undefined;
    const worker = isAway
      ? { status: "unreachable", since: new Date(workerLostAtMs).toISOString() }
      : { status: "ok" };
    const isBad = path === "/ready" && isAway;
    const http3 = hasHttp3 ? "ok" : "restarting";
    return {
      status: isBad ? 503 : 200,
      body: { status: isBad ? "unavailable" : "ok", worker, http3, ...counts },
    };
  };
  const server = createServer(async (request, response) => {
    const { status, body } = await answer(request.url?.split("?")[0]);
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
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
