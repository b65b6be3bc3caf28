import { AmqpBridge } from "./amqp/bridge.ts";
import { AMQP, GRPC, MQTT_BRIDGE, UDP, WEBTRANSPORT } from "./doors.ts";
import { createHandle } from "./handle.ts";
import type { HealthReport } from "./health.ts";
import { listenHealth } from "./health.ts";
import { UnderWay } from "./http/under-way.ts";
import { Http3Process } from "./http3-process.ts";
import { log } from "./log.ts";
import { MqttBridge } from "./mqtt-bridge/bridge.ts";
import type { GatewaySettings } from "./settings.ts";
import { loadCertificate } from "./tls/certificate.ts";
import { listenClear, listenTls } from "./tls/listener.ts";
import { listenUdp } from "./udp/listener.ts";
import { Worker } from "./worker/worker.ts";
import { WorkerHealth } from "./worker/worker-health.ts";

/** How long what is under way may take to end when the gateway stops. */
const GRACE_MS = 3000;

/** The ports taken, by the name of the setting. */
export interface GatewayPorts {
  readonly TLS_PORT: number;
  readonly GRPC_PORT: number;
  readonly GATEWAY_HEALTH_PORT: number;
  readonly UDP_PORT: number;
}

export interface Gateway {
  readonly ports: GatewayPorts;
  /** SHA-256 of the certificate, in base64. */
  readonly certificateHash: string;
  /** What could not be started, and why; the rest runs. */
  readonly missing: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

/** Starts every listener. Without Deno there is no HTTP/3. @throws Error where a port cannot be listened on */
export async function startGateway(settings: GatewaySettings): Promise<Gateway> {
  const { host, limits } = settings;
  const certificate = await loadCertificate(settings);
  const health = new WorkerHealth(settings.workerUrl);
  const worker = new Worker(settings.workerUrl, limits, health);
  const underWay = new UnderWay();
  const options = { host, limits, worker, handle: createHandle(worker, limits), underWay };

  const hasHttp3 = (): boolean => http3.report !== undefined;
  const tls = await listenTls({ ...options, port: settings.tlsPort, certificate, hasHttp3 });
  const http3 = new Http3Process({ ...settings, tlsPort: tls.port });
  // Most of what a start waits for.
  const http3Started = http3.start();
  const grpc = await listenClear({ ...options, port: settings.grpcPort });
  const listeners = [tls, grpc];
  const udp = await listenUdp({ host, port: settings.udpPort, limits, worker });
  const { amqp: amqpSettings, mqttBridge: mqttSettings, token, stateDirectory } = settings;
  const amqp = amqpSettings && new AmqpBridge({ settings: amqpSettings, worker, token, stateDirectory });
  const mqttBridge =
    mqttSettings && new MqttBridge({ settings: mqttSettings, worker, token, stateDirectory });
  const report = async (): Promise<HealthReport> => {
    await health.refresh();
    const own = listeners.reduce((sum, { connections }) => sum + connections, 0);
    const { requests = 0, upstream = 0, connections = 0, sessions = 0 } = http3.report ?? {};
    return {
      workerLostAtMs: health.lostAtMs,
      hasHttp3: hasHttp3(),
      requests: underWay.count + requests,
      upstream: worker.underWay + upstream,
      connections: own + connections,
      sessions,
      leases: udp.leases,
      ...(amqp === undefined ? {} : { amqp: amqp.status }),
      ...(mqttBridge === undefined ? {} : { mqttBridge: mqttBridge.status }),
    };
  };
  const toPorts = (healthPort: number): GatewayPorts => ({
    TLS_PORT: tls.port,
    GRPC_PORT: grpc.port,
    GATEWAY_HEALTH_PORT: healthPort,
    UDP_PORT: udp.port,
  });
  const offer = (healthPort: number) => ({
    ports: toPorts(healthPort),
    http: ["1.1", "2", ...(hasHttp3() ? ["3"] : [])],
    certificateHash: certificate.hash,
    doors: [
      GRPC,
      UDP,
      ...(hasHttp3() ? [WEBTRANSPORT] : []),
      ...(amqp?.status.status === "ok" ? [AMQP] : []),
      ...(mqttBridge?.status.status === "ok" ? [MQTT_BRIDGE] : []),
    ],
  });
  const healthListener = await listenHealth({ host, port: settings.healthPort, report, offer });
  void health.check();
  await http3Started;
  log("is up", {
    worker: settings.workerUrl,
    tls: tls.port,
    grpc: grpc.port,
    udp: udp.port,
    health: healthListener.port,
  });
  return {
    ports: toPorts(healthListener.port),
    certificateHash: certificate.hash,
    missing: http3.fault === undefined ? {} : { "HTTP/3 and WebTransport": http3.fault },
    async stop() {
      log("stops", { requests: underWay.count });
      udp.stop();
      await Promise.all([amqp?.stop(), mqttBridge?.stop()]);
      await Promise.all([...listeners.map((listener) => listener.stop(GRACE_MS)), http3.stop()]);
      await healthListener.stop();
      health.close();
      worker.close();
    },
  };
}
