import { AmqpBridge } from "./amqp/bridge.ts";
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
  stop(): Promise<void>;
}

/** Starts every listener. @throws Error where one cannot listen */
export async function startGateway(settings: GatewaySettings): Promise<Gateway> {
  const { host, limits } = settings;
  const certificate = await loadCertificate(settings);
  const health = new WorkerHealth(settings.workerUrl);
  const worker = new Worker(settings.workerUrl, limits, health);
  const underWay = new UnderWay();
  const options = { host, limits, worker, handle: createHandle(worker, limits), underWay };

  const tls = await listenTls({ ...options, port: settings.tlsPort, certificate });
  const grpc = await listenClear({ ...options, port: settings.grpcPort });
  const http3 = new Http3Process({ ...settings, tlsPort: tls.port });
  await http3.start();
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
      hasHttp3: http3.report !== undefined,
      requests: underWay.count + requests,
      upstream: worker.underWay + upstream,
      connections: own + connections,
      sessions,
      leases: udp.leases,
      ...(amqp === undefined ? {} : { amqp: amqp.status }),
      ...(mqttBridge === undefined ? {} : { mqttBridge: mqttBridge.status }),
    };
  };
  const healthListener = await listenHealth(host, settings.healthPort, report);
  void health.check();
  log("is up", {
    worker: settings.workerUrl,
    tls: tls.port,
    grpc: grpc.port,
    udp: udp.port,
    health: healthListener.port,
  });
  return {
    ports: {
      TLS_PORT: tls.port,
      GRPC_PORT: grpc.port,
      GATEWAY_HEALTH_PORT: healthListener.port,
      UDP_PORT: udp.port,
    },
    certificateHash: certificate.hash,
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
