import { GatewayError } from "./gateway-error.ts";
import { createHandle } from "./handle.ts";
import { refuse } from "./http/forward.ts";
import { relayConnect } from "./http/sockets.ts";
import { UnderWay } from "./http/under-way.ts";
import type { ConnectRequest } from "./http3/connection.ts";
import { listenHttp3 } from "./http3/listener.ts";
import type { Http3Report } from "./http3-report.ts";
import type { GatewaySettings } from "./settings.ts";
import { loadCertificate } from "./tls/certificate.ts";
import { WebTransportDoor } from "./webtransport/door.ts";
import { Worker } from "./worker/worker.ts";
import { WorkerHealth } from "./worker/worker-health.ts";

const GRACE_MS = 2500;

export interface Http3Gateway {
  readonly port: number;
  report(): Http3Report;
  stop(): Promise<void>;
}

/** HTTP/3 and WebTransport, on UDP: the part that needs QUIC, and so runs under Deno. */
export async function startHttp3Gateway(settings: GatewaySettings): Promise<Http3Gateway> {
  const { host, limits } = settings;
  const certificate = await loadCertificate(settings);
  const health = new WorkerHealth(settings.workerUrl);
  const worker = new Worker(settings.workerUrl, limits, health);
  const underWay = new UnderWay();
  const webTransport = new WebTransportDoor({ worker, limits, origins: settings.sessionOrigins });
  const connect = async (request: ConnectRequest): Promise<void> => {
    const { head, stream } = request;
    if (head.protocol === "websocket") return relayConnect(worker, stream);
    // `webtransport-h3` since draft 15.
    if (head.protocol === "webtransport" || head.protocol === "webtransport-h3") {
      return webTransport.accept(request);
    }
    refuse(stream, new GatewayError("not_found", "There is no such protocol here.", { status: 501 }));
  };
  const handle = createHandle(worker, limits);
  const options = { host, port: settings.tlsPort, limits, handle, underWay, certificate, connect };
  const listener = listenHttp3(options);
  return {
    port: listener.port,
    report: () => ({
      requests: underWay.count,
      upstream: worker.underWay,
      connections: listener.connections,
      sessions: webTransport.sessions,
    }),
    async stop() {
      await webTransport.stop(GRACE_MS / 2);
      await listener.stop(GRACE_MS / 2);
      health.close();
      worker.close();
    },
  };
}
