import { once } from "node:events";
import { relative } from "node:path";
import type { TcpPortName } from "../core/settings.ts";
import { buildIfStale } from "./build.ts";
import { createSubset, parseDoors } from "./door-subset.ts";
import { formatDoors } from "./doors-table.ts";
import { chooseGatewayPorts, keepGateway, tellOfGateway, wantsGateway } from "./keep-gateway.ts";
import { toStateDirectory } from "./paths.ts";
import { assertPortFree, chooseSidePort, findFreePort, parsePort, toUrl } from "./port.ts";
import type { Served } from "./serve.ts";
import { listTcpPorts, serve } from "./serve.ts";
import { exitWith } from "./start-error.ts";
import { stopSignal } from "./stop-signal.ts";

try {
  process.exit(await start());
} catch (error) {
  exitWith(error);
}

/** Serves until a signal says stop. Gives the exit code. */
async function start(): Promise<number> {
  const { env } = process;
  const doors = parseDoors(env.DOORS);
  for (const note of doors === undefined ? [] : createSubset(doors).notes) console.log(note);
  const host = env.HOST || "127.0.0.1";
  const asked = parsePort("PORT", env.PORT, 8787);
  // Before the build, which takes seconds: a taken port is what goes wrong most.
  if (asked !== 0) await assertPortFree("PORT", host, asked);
  const qstashPort = await chooseSidePort("QSTASH_PORT", env.QSTASH_PORT, 7104, host);
  const tcpPorts = {
    TCP_PORT: await chooseSidePort("TCP_PORT", env.TCP_PORT, 7101, host),
    MQTT_PORT: await chooseSidePort("MQTT_PORT", env.MQTT_PORT, 7183, host),
  };
  const gatewayPorts = wantsGateway(env) ? await chooseGatewayPorts(env, host) : undefined;
  await buildIfStale({ doors });

  const stateDirectory = toStateDirectory(env);
  // The gateway starts beside the Worker, and has to know where that will be.
  const port = asked === 0 ? await findFreePort(host) : asked;
  const gateway =
    gatewayPorts &&
    keepGateway({ url: toUrl(host, port), host, ports: gatewayPorts, stateDirectory, environment: env });
  const served = await serve({
    host,
    port,
    qstashPort,
    tcpPorts,
    stateDirectory,
    doors,
    environment: gatewayPorts
      ? { ...env, GATEWAY_HEALTH_URL: toUrl(host, gatewayPorts.GATEWAY_HEALTH_PORT) }
      : env,
  });
  const stopped = stopSignal();
  const crashed = once(served.runtime, "exit");
  const stopAll = () => Promise.all([gateway?.stop(), served.stop()]);
  console.log(`Everywire is at ${served.url}\n\n${formatDoors(served, doors)}\n`);
  tellTcpPorts(served, doors);
  if (served.qstash !== undefined) {
    console.log(
      `QStash's stand-in is at ${served.qstash.QSTASH_URL}; qstash.env beside the state has its token.`,
    );
  }
  await Promise.race([tellOfGateway(gateway, host), stopped, crashed]);
  console.log(`State is kept in ${relative(process.cwd(), stateDirectory) || "."}. Ctrl-C stops.`);

  const end = await Promise.race([stopped, crashed.then(() => undefined)]);
  if (end !== undefined) {
    await stopAll();
    return 0;
  }
  // On Ctrl-C the terminal signals workerd as well, and its exit may be seen before our own signal is.
  const signal = await Promise.race([stopped, new Promise<undefined>((resolve) => setTimeout(resolve, 200))]);
  await stopAll();
  if (signal !== undefined) return 0;
  console.error("The runtime (workerd) ended by itself. State is on disk: start again to go on.");
  return 1;
}

function tellTcpPorts({ tcpPorts }: Served, doors: readonly string[] | undefined): void {
  const names = { TCP_PORT: "JSON lines over TCP", MQTT_PORT: "MQTT" };
  for (const name of listTcpPorts(doors) as ReadonlySet<TcpPortName>) {
    console.log(`${names[name]}: port ${tcpPorts[name]}.`);
  }
}
