import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort, toUrl } from "../../scripts/port.ts";
import { serveDeno } from "../../scripts/serve-deno.ts";
import type { ServedTarget } from "./serve-target.ts";
import { signInAt, TARGET_ENVIRONMENT } from "./serve-target.ts";

const HOST = "127.0.0.1";

/** Serves the functions under Deno, as {@link serveTarget} does under workerd. @param environment names a Redis */
export async function serveDenoTarget(environment: Readonly<Record<string, string>>): Promise<ServedTarget> {
  const stateDirectory = await mkdtemp(join(tmpdir(), "everywire-deno-"));
  // Known before it serves, since the queue delivers there.
  const port = await findFreePort(HOST);
  const served = await serveDeno({
    host: HOST,
    port,
    stateDirectory,
    environment: { ...TARGET_ENVIRONMENT, PUBLIC_URL: toUrl(HOST, port), ...environment },
  });
  const target = { url: served.url, tcpPorts: { TCP_PORT: 0, MQTT_PORT: 0 } };
  return {
    ...target,
    stateDirectory,
    signIn: signInAt(target),
    async stop() {
      await served.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}
