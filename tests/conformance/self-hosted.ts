import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buildWorkerd } from "../../scripts/build-workerd.ts";
import { toBinary, WORKERD } from "../../scripts/paths.ts";
import { findFreePort } from "../../scripts/port.ts";
import type { RunningCommand } from "./command-process.ts";
import { start } from "./command-process.ts";
import type { Target } from "./door-driver.ts";

export interface SelfHosted extends Target {
  readonly stateDirectory: string;
  readonly process: RunningCommand;
}

let built: Promise<void> | undefined;

/** Starts `dist/workerd` as its container does, and waits until it listens. */
export async function startSelfHosted(
  environment: Readonly<Record<string, string>> = {},
  stateDirectory?: string,
): Promise<SelfHosted> {
  built ??= buildWorkerd();
  await built;
  const host = "127.0.0.1";
  const ports = {
    PORT: await findFreePort(host),
    TCP_PORT: await findFreePort(host),
    MQTT_PORT: await findFreePort(host),
  };
  const state = stateDirectory ?? (await mkdtemp(join(tmpdir(), "everywire-self-hosted-")));
  const running = start([], {
    program: [process.execPath, join(WORKERD, "serve.mjs")],
    environment: {
      EVERYWIRE_STATE: state,
      ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
      DEV_AUTH: "true",
      RATE_LIMITS: "off",
      STOP_SECONDS: "2",
      ANONYMOUS_CHANNELS: "demo/**",
      ...environment,
    },
    deadlineMs: 60_000,
  });
  await running.until('"ready"', "stdout");
  return {
    url: `http://${host}:${ports.PORT}`,
    tcpPorts: ports,
    stateDirectory: state,
    process: running,
  };
}

/**
 * Sends a request as the Worker would: to the configuration's own service for all that goes out, which is given a socket for it.
 * Gives the answer's body.
 */
export async function askThroughOutbound(
  url: string,
  environment: Readonly<Record<string, string>>,
): Promise<string> {
  const config = readFileSync(join(WORKERD, "config.capnp"), "utf8");
  const port = await findFreePort("127.0.0.1");
  const socket = `(name = "egress", address = "127.0.0.1:${port}", http = (style = proxy), service = "outbound")`;
  const state = await mkdtemp(join(tmpdir(), "everywire-egress-"));
  const path = join(WORKERD, `egress-${port}.capnp`);
  // It takes in files beside it.
  writeFileSync(path, config.replace(/sockets = \[[\s\S]*\]\n\)/, `sockets = [${socket}]\n)`));
  const workerd = spawn(
    toBinary("workerd"),
    ["serve", "--control-fd=3", `--directory-path=page=${state}`, `--directory-path=state=${state}`, path],
    { env: environment, stdio: ["ignore", "ignore", "ignore", "pipe"] },
  );
  try {
    await once(workerd.stdio[3] as Readable, "data");
    const asked = request({ host: "127.0.0.1", port, path: url, headers: { host: new URL(url).host } });
    asked.end();
    const [response] = (await once(asked, "response")) as [IncomingMessage];
    return (await response.toArray()).join("");
  } finally {
    workerd.kill("SIGKILL");
    rmSync(path);
    rmSync(state, { recursive: true, force: true });
  }
}
