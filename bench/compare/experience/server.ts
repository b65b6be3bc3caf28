import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildIfStale } from "../../../scripts/build.ts";
import { startGateway } from "../../../scripts/gateway.ts";
import { serve } from "../../../scripts/serve.ts";

/** Everywire as `npm start` serves it, without rates, and with webhooks to this machine. */
export interface ExperienceServer {
  readonly url: string;
  readonly tcpPort: number;
  readonly mqttPort: number;
  readonly grpcPort: number;
  readonly udpPort: number;
  /** Of WebTransport; left out where the gateway has no HTTP/3 here, which has its reason in the log. */
  readonly webTransport?: { readonly port: number; readonly certificateHash: string };
  /** A token of some user: an endpoint of webhooks has an owner. */
  readonly token: string;
  stop(): Promise<void>;
}

/** Starts it on free ports, with a state of its own. */
export async function startExperienceServer(): Promise<ExperienceServer> {
  await buildIfStale();
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-experience-"));
  const environment = { DEV_AUTH: "true", RATE_LIMITS: "off", ALLOW_PRIVATE_WEBHOOKS: "true" };
  const served = await serve({ port: 0, stateDirectory, environment });
  const gateway = await startGateway({ url: served.url, stateDirectory, environment });
  const response = await fetch(`${served.url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "reader" }),
  });
  const { token } = (await response.json()) as { token: string };
  return {
    url: served.url,
    tcpPort: served.tcpPorts.TCP_PORT,
    mqttPort: served.tcpPorts.MQTT_PORT,
    grpcPort: gateway.ports.GRPC_PORT,
    udpPort: gateway.ports.UDP_PORT,
    ...("HTTP/3 and WebTransport" in gateway.missing
      ? {}
      : { webTransport: { port: gateway.ports.TLS_PORT, certificateHash: gateway.certificateHash } }),
    token,
    async stop() {
      await gateway.kill();
      await served.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}
