import { GatewayError } from "./gateway-error.ts";
import { grpcCall, isGrpc } from "./grpc/call.ts";
import type { HealthReport } from "./health.ts";
import { listenHealth } from "./health.ts";
import type { Exchange } from "./http/exchange.ts";
import { forward, refuse } from "./http/forward.ts";
import { relayConnect } from "./http/sockets.ts";
import { UnderWay } from "./http/under-way.ts";
import type { ConnectRequest } from "./http3/connection.ts";
import { listenHttp3 } from "./http3/listener.ts";
import { log } from "./log.ts";
import type { GatewaySettings } from "./settings.ts";
import { loadCertificate } from "./tls/certificate.ts";
import type { Listener } from "./tls/listener.ts";
import { listenClear, listenTls } from "./tls/listener.ts";
import { WebTransportDoor } from "./webtransport/door.ts";
import { Worker } from "./worker/worker.ts";
import { WorkerHealth } from "./worker/worker-health.ts";

/** How long what is under way may take to end when the gateway stops. */
const GRACE_MS = 3000;

/** The ports taken, by the name of the setting. */
export interface GatewayPorts {
  readonly TLS_PORT: number;
  readonly GRPC_PORT: number;
  readonly GATEWAY_HEALTH_PORT: number;
}

export interface Gateway {
  readonly ports: GatewayPorts;
  /** SHA-256 of the certificate, in base64. */
  readonly certificateHash: string;
  stop(): Promise<void>;
}

/** Starts every listener. @throws Error where one cannot listen */
export async function startGateway(settings: GatewaySettings): Promise<Gateway> {
  const { host, limits } = settings;
  const certificate = await loadCertificate(settings);
  const health = new WorkerHealth(settings.workerUrl);
  const worker = new Worker(settings.workerUrl, limits, health);
  const underWay = new UnderWay();
  const handle = (exchange: Exchange): Promise<void> =>
    isGrpc(exchange)
      ? grpcCall(exchange, worker)
      : forward(exchange, worker, limits.RESPONSE_TIMEOUT_SECONDS * 1000);
  const options = { host, limits, worker, handle, underWay };

  const listeners: Listener[] = [];
  const add = async (listening: Promise<Listener>): Promise<Listener> => {
    const listener = await listening;
    listeners.push(listener);
    return listener;
  };
  const tls = await add(listenTls({ ...options, port: settings.tlsPort, certificate }));
  const webTransport = new WebTransportDoor({ worker, limits, origins: settings.sessionOrigins });
  const connect = async (request: ConnectRequest): Promise<void> => {
    const { head, stream } = request;
    if (head.protocol === "websocket") return relayConnect(worker, stream);
    // `webtransport-h3` since draft 15.
    if (head.protocol === "webtransport" || head.protocol === "webtransport-h3")
      return webTransport.accept(request);
    refuse(stream, new GatewayError("not_found", "There is no such protocol here.", { status: 501 }));
  };
  listeners.push(listenHttp3({ ...options, port: tls.port, certificate, connect }));
  const grpc = await add(listenClear({ ...options, port: settings.grpcPort }));
  const report = (): HealthReport => ({
    workerLostAtMs: health.lostAtMs,
    requests: underWay.count,
    upstream: worker.underWay,
    sessions: webTransport.sessions,
    connections: listeners.reduce((sum, { connections }) => sum + connections, 0),
  });
  const healthListener = await listenHealth(host, settings.healthPort, report);
  void health.check();
  log("is up", { worker: settings.workerUrl, tls: tls.port, grpc: grpc.port, health: healthListener.port });
  return {
    ports: { TLS_PORT: tls.port, GRPC_PORT: grpc.port, GATEWAY_HEALTH_PORT: healthListener.port },
    certificateHash: certificate.hash,
    async stop() {
      log("stops", { requests: underWay.count });
      await webTransport.stop(GRACE_MS / 3);
      await Promise.all(listeners.map((listener) => listener.stop(GRACE_MS)));
      await healthListener.stop();
      health.close();
      worker.close();
    },
  };
}
