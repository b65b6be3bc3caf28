import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toDevelopmentPaths } from "../../gateway/settings.ts";
import { buildIfStale } from "../../scripts/build.ts";
import type { GatewayPortName, RunningGateway } from "../../scripts/gateway.ts";
import { startGateway } from "../../scripts/gateway.ts";
import { findFreePort, toUrl } from "../../scripts/port.ts";
import type { Served } from "../../scripts/serve.ts";
import { serve } from "../../scripts/serve.ts";
import type { Target, TargetGateway } from "./door-driver.ts";
import { assertOk } from "./http-exchange.ts";

export interface ServedTarget extends Target {
  readonly tcpPorts: Served["tcpPorts"];
  /** Where the server keeps its state, and the gateway its certificate. */
  readonly stateDirectory: string;
  /** A target that speaks for a signed-in user. */
  signIn(
    name: string,
    more?: { readonly roles?: readonly string[]; readonly expiresIn?: number; readonly channels?: object },
  ): Promise<Target & { readonly token: string }>;
  stop(): Promise<void>;
}

let moreSettings: Readonly<Record<string, string>> = {};
/** What serves in place of the bundle. */
let otherServer: ((environment: Readonly<Record<string, string>>) => Promise<ServedTarget>) | undefined;

/** What a server of the tests is told, unless a test says otherwise. */
export const TARGET_ENVIRONMENT = {
  DEV_AUTH: "true",
  RATE_LIMITS: "off",
  ANONYMOUS_CHANNELS: "demo/**",
  ALLOW_PRIVATE_WEBHOOKS: "true",
} as const;

/** Has {@link serveTarget} start another server from now on; undefined for the bundle again. */
export function useServer(serveOther: typeof otherServer): void {
  otherServer = serveOther;
}

/** Gives servers that are started from now on these settings as well, such as where records are kept. */
export function useSettings(environment: Readonly<Record<string, string>>): void {
  moreSettings = environment;
}

/** Serves the bundle on a free port, with fresh state, development tokens, no rates, `demo/**` open to anybody, and receivers of webhooks on this machine. */
export async function serveTarget(
  environment: Readonly<Record<string, string>> = {},
  { withGateway = false }: { readonly withGateway?: boolean } = {},
): Promise<ServedTarget> {
  if (otherServer !== undefined) return otherServer(environment);
  await buildIfStale();
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-test-"));
  // The Worker is told where the gateway's health will be, before either of them listens.
  const ports: Partial<Record<GatewayPortName, number>> = withGateway
    ? { GATEWAY_HEALTH_PORT: await findFreePort("127.0.0.1") }
    : {};
  const known = withGateway ? { GATEWAY_HEALTH_URL: toUrl("127.0.0.1", ports.GATEWAY_HEALTH_PORT ?? 0) } : {};
  const served = await serve({
    port: 0,
    stateDirectory,
    environment: {
      ...TARGET_ENVIRONMENT,
      ...moreSettings,
      ...known,
      ...environment,
    },
  });
  const running = withGateway
    ? await startGateway({ url: served.url, stateDirectory, environment, ports })
    : undefined;
  const target = {
    url: served.url,
    tcpPorts: served.tcpPorts,
    gateway: running && toTargetGateway(running, stateDirectory),
  };
  return {
    ...target,
    stateDirectory,
    signIn: signInAt(target),
    async stop() {
      await running?.kill();
      await served.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}

/** Has a server give tokens for whoever is asked for. */
export function signInAt(target: Target): ServedTarget["signIn"] {
  return async (name, more = {}) => {
    const response = await fetch(`${target.url}/auth/token`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name, ...more }),
    });
    const { token } = (await (await assertOk(response)).json()) as { token: string };
    return { ...target, token };
  };
}

export function toTargetGateway(
  { ports, certificateHash }: RunningGateway,
  stateDirectory: string,
): TargetGateway {
  const {
    TLS_PORT: tlsPort,
    GRPC_PORT: grpcPort,
    GATEWAY_HEALTH_PORT: healthPort,
    UDP_PORT: udpPort,
  } = ports;
  const { certPath: certificatePath } = toDevelopmentPaths(stateDirectory);
  return { tlsPort, grpcPort, healthPort, udpPort, certificateHash, certificatePath };
}
