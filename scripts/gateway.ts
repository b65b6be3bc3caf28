import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { endWithParent } from "./end-with-parent.ts";
import { GATEWAY, ROOT } from "./paths.ts";
import type { PortKind } from "./port.ts";
import { toUrl } from "./port.ts";
import { StartError } from "./start-error.ts";

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** What the gateway takes from the environment, beside its limits. */
const INHERITED = [
  "TLS_CERT",
  "TLS_KEY",
  "WT_ORIGINS",
  "GATEWAY_TOKEN",
  "AMQP_URL",
  "AMQP_CHANNELS",
  "AMQP_CONTENT_MODE",
  "AMQP_PREFIX",
  "AMQP_RETRIES_MS",
  "AMQP_PREFETCH",
  "MQTT_BRIDGE_URL",
  "MQTT_BRIDGE_OUT",
  "MQTT_BRIDGE_IN",
  "MQTT_BRIDGE_OUT_PREFIX",
  "MQTT_BRIDGE_IN_PREFIX",
  "PATH",
  "HOME",
  "NO_COLOR",
  "DENO",
  "DENO_DIR",
] as const;
const LIMIT =
  /^(MAX_[A-Z_]+|UDP_(DATAGRAMS_PER_SECOND|LEASE_SECONDS)|(HEADERS|RESPONSE)_TIMEOUT_SECONDS|KEEPALIVE_SECONDS)$/;

/** As {@link GatewayOptions.ports} has them: each with its usual port, and what listens on it. */
export const GATEWAY_PORTS = {
  TLS_PORT: { usual: 8443, kinds: ["tcp", "udp"] },
  GRPC_PORT: { usual: 50_051, kinds: ["tcp"] },
  GATEWAY_HEALTH_PORT: { usual: 7105, kinds: ["tcp"] },
  UDP_PORT: { usual: 7102, kinds: ["udp"] },
} as const satisfies Record<string, { readonly usual: number; readonly kinds: readonly PortKind[] }>;

export type GatewayPortName = keyof typeof GATEWAY_PORTS;

export interface GatewayOptions {
  /** The Worker, without a slash at the end. */
  readonly url: string;
  readonly host?: string;
  /** Where it listens; any free port where one is left out, or zero. */
  readonly ports?: Partial<Record<GatewayPortName, number>>;
  /** Where its certificate for development is kept. */
  readonly stateDirectory: string;
  /** Where its settings and limits are read from. */
  readonly environment?: NodeJS.ProcessEnv;
  /** Told every line that it logs. Left out, they go to stderr. */
  readonly onLog?: (line: string) => void;
}

export interface RunningGateway {
  readonly ports: Readonly<Record<GatewayPortName, number>>;
  /** SHA-256 of its certificate, in base64. */
  readonly certificateHash: string;
  /** What could not be started, and why; the rest runs. */
  readonly missing: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
  /** Stops in order. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would be. */
  kill(): Promise<void>;
}

/**
 * Starts the gateway, and waits until it listens.
 *
 * @throws StartError
 * @example const gateway = await startGateway({ url: served.url, stateDirectory });
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const child = spawn(process.execPath, [GATEWAY], {
    cwd: ROOT,
    env: toEnvironment(options),
    stdio: ["ignore", "pipe", options.onLog === undefined ? "inherit" : "pipe"],
    // The signals of a terminal go to the whole group: stopping is up to whoever started it.
    detached: true,
  });
  endWithParent(child);
  if (child.stderr !== null && options.onLog !== undefined) {
    createInterface({ input: child.stderr }).on("line", options.onLog);
  }
  const { ready, certificateHash, missing } = await untilReady(child);
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };
  return {
    ports: ready,
    certificateHash,
    missing,
    process: child,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** Where it is, and a command to try each of its wires: what `npm start` prints. */
export function describeGateway({ ports, missing }: RunningGateway, host: string): string {
  const { TLS_PORT, GRPC_PORT, GATEWAY_HEALTH_PORT, UDP_PORT } = ports;
  const at = new URL(toUrl(host, 0)).hostname;
  const name = at === "127.0.0.1" ? "localhost" : at;
  const http = "HTTP/3 and WebTransport" in missing ? "HTTP/1.1, HTTP/2" : "HTTP/1.1, HTTP/2, HTTP/3";
  const faults = Object.entries(missing).map(([part, why]) => `  ${part} does not run: ${why}.`);
  return [
    `The gateway is at https://${name}:${TLS_PORT} (${http}, gRPC, WebTransport at /wt); its certificate is gateway-cert.pem`,
    `beside the state. gRPC in clear is on port ${GRPC_PORT}, UDP on ${UDP_PORT}, the gateway's health at http://${at}:${GATEWAY_HEALTH_PORT}/health.`,
    ...faults,
    `  npx buf curl --protocol grpc --http2-prior-knowledge -d '{"channel":"demo/hello"}' http://${at}:${GRPC_PORT}/everywire.v1.ChannelService/Subscribe`,
    "",
  ].join("\n");
}

function toEnvironment(options: GatewayOptions): NodeJS.ProcessEnv {
  const { url, host = "127.0.0.1", ports = {}, stateDirectory, environment = {} } = options;
  const inherited = [...INHERITED, ...Object.keys(environment).filter((name) => LIMIT.test(name))];
  const names = Object.keys(GATEWAY_PORTS) as readonly GatewayPortName[];
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    ...Object.fromEntries(
      inherited.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])),
    ),
    ...Object.fromEntries(names.map((name) => [name, String(ports[name] ?? 0)])),
    EVERYWIRE_URL: url,
    EVERYWIRE_STATE: stateDirectory,
    HOST: host,
  };
}

interface Ready {
  readonly ready: RunningGateway["ports"];
  readonly certificateHash: string;
  readonly missing: RunningGateway["missing"];
}

async function untilReady(child: ChildProcess): Promise<Ready> {
  if (child.stdout === null) throw new Error("The gateway's stdout is a pipe.");
  const timer = setTimeout(() => child.kill("SIGKILL"), START_TIMEOUT_MS);
  try {
    const [line] = await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      once(child, "exit").then(() => [undefined]),
    ]);
    if (line === undefined) throw new StartError("The gateway did not start; what it says is above.");
    return JSON.parse(String(line)) as Ready;
  } finally {
    clearTimeout(timer);
  }
}
