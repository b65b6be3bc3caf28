import { once } from "node:events";
import { relative } from "node:path";
import { buildIfStale } from "./build.ts";
import { formatDoors } from "./doors-table.ts";
import { describeGateway, startGateway } from "./gateway.ts";
import { toStateDirectory } from "./paths.ts";
import { assertPortFree, chooseSidePort, parsePort } from "./port.ts";
import { serve } from "./serve.ts";
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
  const host = env.HOST || "127.0.0.1";
  const port = parsePort("PORT", env.PORT, 8787);
  // Before the build, which takes seconds: a taken port is what goes wrong most.
  if (port !== 0) await assertPortFree("PORT", host, port);
  const qstashPort = await chooseSidePort("QSTASH_PORT", env.QSTASH_PORT, 7104, host);
  const tcpPorts = {
    TCP_PORT: await chooseSidePort("TCP_PORT", env.TCP_PORT, 7101, host),
    MQTT_PORT: await chooseSidePort("MQTT_PORT", env.MQTT_PORT, 7183, host),
  };
  const gatewayPorts = env.GATEWAY === "on" ? await findGatewayPorts(env, host) : undefined;
  await buildIfStale();

  const stateDirectory = toStateDirectory(env);
  const served = await serve({ host, port, qstashPort, tcpPorts, stateDirectory, environment: env });
  const gateway =
    gatewayPorts &&
    (await startGateway({
      url: served.url,
      host,
      ports: gatewayPorts,
      stateDirectory,
      environment: env,
    }).catch(async (error: unknown) => {
      await served.stop();
      throw error;
    }));
  const stopped = stopSignal();
  const crashed = Promise.race([
    once(served.runtime, "exit").then(() => "The runtime (workerd)"),
    ...(gateway === undefined ? [] : [once(gateway.process, "exit").then(() => "The gateway")]),
  ]);
  const stopAll = () => Promise.all([gateway?.stop(), served.stop()]);
  console.log(`Everywire is at ${served.url}\n\n${formatDoors(served)}\n`);
  const { TCP_PORT, MQTT_PORT } = served.tcpPorts;
  console.log(`JSON lines over TCP are on port ${TCP_PORT}, MQTT is on ${MQTT_PORT}.`);
  if (served.qstash !== undefined) {
    console.log(
      `QStash's stand-in is at ${served.qstash.QSTASH_URL}; qstash.env beside the state has its token.`,
    );
  }
  if (gateway !== undefined) console.log(describeGateway(gateway));
  console.log(`State is kept in ${relative(process.cwd(), stateDirectory) || "."}. Ctrl-C stops.`);

  const end = await Promise.race([stopped.then(() => undefined), crashed]);
  if (end === undefined) {
    await stopAll();
    return 0;
  }
  // On Ctrl-C the terminal signals workerd as well, and its exit may be seen before our own signal is.
  const signal = await Promise.race([stopped, new Promise<undefined>((resolve) => setTimeout(resolve, 200))]);
  await stopAll();
  if (signal !== undefined) return 0;
  console.error(`${end} ended by itself. State is on disk: start again to go on.`);
  return 1;
}

/** @throws StartError where one of them is taken */
async function findGatewayPorts(env: NodeJS.ProcessEnv, host: string) {
  const ports = {
    TLS_PORT: parsePort("TLS_PORT", env.TLS_PORT, 8443),
    GRPC_PORT: parsePort("GRPC_PORT", env.GRPC_PORT, 50_051),
    GATEWAY_HEALTH_PORT: parsePort("GATEWAY_HEALTH_PORT", env.GATEWAY_HEALTH_PORT, 7105),
    UDP_PORT: parsePort("UDP_PORT", env.UDP_PORT, 7102),
  };
  for (const [name, own] of Object.entries(ports)) if (own !== 0) await assertPortFree(name, host, own);
  return ports;
}
