import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunningGateway } from "../../../scripts/gateway.ts";
import { startGateway } from "../../../scripts/gateway.ts";
import { serve } from "../../../scripts/serve.ts";
import { cpuMsOf, residentBytesOf } from "../../process-usage.ts";
import type { Place } from "./place.ts";
import { WEBHOOK_SECRET } from "./publishers/requests.ts";

/** Limits that are there against floods from one host, which is what this is. */
const GATEWAY_ENVIRONMENT = {
  UDP_DATAGRAMS_PER_SECOND: "1000000",
  MAX_UDP_LEASES: "4096",
  MAX_UDP_HOST_LEASES: "4096",
};
const ENVIRONMENT = {
  RATE_LIMITS: "off",
  DEV_AUTH: "true",
  ANONYMOUS_CHANNELS: "demo/**",
  ALLOW_PRIVATE_WEBHOOKS: "true",
  GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET,
};
/** What stands for the part of the gateway that is missing where it has no QUIC. */
const HTTP3 = "HTTP/3 and WebTransport";

/** Everywire as `npm start` serves it, and its gateway where a door needs it. */
export interface LabServer {
  readonly place: Place;
  /** CPU that it has used so far, in ms; undefined where there is no /proc. */
  cpuMs(): number | undefined;
  /** Memory that it holds, in bytes; undefined where there is no /proc. */
  residentBytes(): number | undefined;
  stop(): Promise<void>;
}

export interface LabServerOptions {
  readonly withGateway: boolean;
  /** A state to begin with; it is copied. */
  readonly stateDirectory?: string;
}

/** Starts it on free ports, with the bundle that is there. */
export async function startLabServer({ withGateway, stateDirectory }: LabServerOptions): Promise<LabServer> {
  const directory = await mkdtemp(join(tmpdir(), "everywire-compare-"));
  if (stateDirectory !== undefined) await cp(stateDirectory, directory, { recursive: true });
  const served = await serve({ port: 0, stateDirectory: directory, environment: ENVIRONMENT });
  const { url, port, tcpPorts } = served;
  const gateway = withGateway
    ? await startGateway({
        url,
        stateDirectory: directory,
        environment: GATEWAY_ENVIRONMENT,
        onLog: () => undefined,
      })
    : undefined;
  // Node, and Deno that it has started for QUIC.
  const pids = [served.runtime.pid ?? 0, ...(gateway === undefined ? [] : familyOf(gateway))];
  return {
    place: {
      url,
      host: "127.0.0.1",
      httpPort: port,
      tcpPort: tcpPorts.TCP_PORT,
      mqttPort: tcpPorts.MQTT_PORT,
      gateway: gateway === undefined ? undefined : toGatewayPlace(gateway),
      token: await signIn(url),
    },
    cpuMs: () => sum(pids.map(cpuMsOf)),
    residentBytes: () => sum(pids.map(residentBytesOf)),
    stop: async () => {
      await gateway?.stop();
      await served.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function toGatewayPlace({ ports, certificateHash, missing }: RunningGateway): Place["gateway"] {
  return {
    grpcPort: ports.GRPC_PORT,
    udpPort: ports.UDP_PORT,
    tlsPort: ports.TLS_PORT,
    certificateHash,
    http3Missing: missing[HTTP3],
  };
}

function familyOf({ process: { pid = 0 } }: RunningGateway): readonly number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return [pid, ...children.split(" ").filter(Boolean).map(Number)];
  } catch {
    return [pid];
  }
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  let total = 0;
  for (const value of values) {
    if (value === undefined) return undefined;
    total += value;
  }
  return total;
}

async function signIn(url: string): Promise<string> {
  const response = await fetch(`${url}/auth/token`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "lab", roles: ["admin"] }),
  });
  if (!response.ok) throw new Error(`/auth/token answered ${response.status}.`);
  return ((await response.json()) as { readonly token: string }).token;
}
