import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, watch, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { experimental_readRawConfig } from "wrangler";
import { assertSettings, toBindings } from "./bindings.ts";
import { prepare } from "./build.ts";
import { buildPage } from "./build-page.ts";
import { createSubset, parseDoors } from "./door-subset.ts";
import { chooseGatewayPorts, keepGateway, tellOfGateway, wantsGateway } from "./keep-gateway.ts";
import { QSTASH_CONFIG, ROOT, toStateDirectory } from "./paths.ts";
import { assertPortFree, findFreePort, parsePort, toUrl } from "./port.ts";
import { hasOwnQstash, standInOptions, standInSettings } from "./qstash.ts";
import { runWrangler } from "./run-wrangler.ts";
import { listTcpPorts } from "./serve.ts";
import { exitWith, StartError } from "./start-error.ts";
import { stopSignal } from "./stop-signal.ts";

try {
  process.exit(await dev());
} catch (error) {
  exitWith(error);
}

/** Runs `wrangler dev`, which reloads at every save, with the settings that `npm start` has. Gives the exit code. */
async function dev(): Promise<number> {
  const { env } = process;
  const doors = parseDoors(env.DOORS);
  for (const note of doors === undefined ? [] : createSubset(doors).notes) console.log(note);
  const host = env.HOST || "127.0.0.1";
  const asked = parsePort("PORT", env.PORT, 8787);
  if (asked !== 0) await assertPortFree("PORT", host, asked);
  // The gateway has to know where the Worker will be.
  const port = asked === 0 ? await findFreePort(host) : asked;
  const gatewayPorts = wantsGateway(env) ? await chooseGatewayPorts(env, host) : undefined;
  const stopped = stopSignal();
  await buildPage();
  watchPage();

  const qstashPort = parsePort("QSTASH_PORT", env.QSTASH_PORT, 7104);

  // Not beside the state of `npm start`: two processes on one SQLite file would each believe themselves alone.
  const state = join(toStateDirectory(env), "dev");
  mkdirSync(state, { recursive: true });
  const tcpPorts = {
    TCP_PORT: parsePort("TCP_PORT", env.TCP_PORT, 7101),
    MQTT_PORT: parsePort("MQTT_PORT", env.MQTT_PORT, 7183),
  };
  for (const [name, tcpPort] of Object.entries(tcpPorts)) await assertPortFree(name, host, tcpPort);
  const bindings: Record<string, string> = toBindings(env, toStateDirectory(env));
  for (const [name, tcpPort] of Object.entries(tcpPorts)) bindings[name] = String(tcpPort);
  if (gatewayPorts) bindings.GATEWAY_HEALTH_URL = toUrl(host, gatewayPorts.GATEWAY_HEALTH_PORT);
  const common = ["dev", "--local", "--ip", host];
  const processes: ChildProcess[] = [];
  if (!hasOwnQstash(env)) {
    await assertPortFree("QSTASH_PORT", host, qstashPort);
    const standIn = standInSettings(env, state, `http://${host}:${qstashPort}`);
    Object.assign(bindings, standIn, { PUBLIC_URL: env.PUBLIC_URL || `http://${host}:${port}` });
    const options = ["--config", QSTASH_CONFIG, "--port", `${qstashPort}`, "--inspector-port", "0"];
    const own = [
      "--persist-to",
      join(state, "qstash"),
      "--env-file",
      writeSettings(state, "qstash", { ...standIn, ...standInOptions(env) }),
    ];
    // Its own console would mix with the Worker's.
    processes.push(runWrangler([...common, ...options, ...own], ["ignore", "ignore", "inherit"]));
  }
  assertSettings(bindings);
  const settings = writeSettings(state, "settings", bindings);
  const listening = listTcpPorts(doors);
  const ports = Object.entries(tcpPorts).filter(([name]) => listening.has(name));
  const config = writeConfig(
    state,
    host,
    ports.map(([, tcpPort]) => tcpPort),
    await prepare({ doors }),
  );
  const own = ["--config", config, "--port", `${port}`, "--persist-to", state, "--env-file", settings];
  processes.push(runWrangler([...common, ...own], "inherit"));
  const gateway =
    gatewayPorts &&
    keepGateway({
      url: toUrl(host, port),
      host,
      ports: gatewayPorts,
      stateDirectory: toStateDirectory(env),
      environment: env,
    });
  void tellOfGateway(gateway, host);

  const exits = processes.map(async (child) => Number((await once(child, "exit"))[0] ?? 1));
  const end = await Promise.race([stopped, ...exits]);
  for (const child of processes) child.kill("SIGTERM");
  await gateway?.stop();
  await Promise.all(exits);
  return typeof end === "number" ? end : 0;
}

/** Builds the page again when a source of it was saved; what is wrong with it is told, and the old one stays. */
function watchPage(): void {
  let timer: NodeJS.Timeout | undefined;
  const rebuild = () => {
    clearTimeout(timer);
    // An editor writes a file in several steps.
    timer = setTimeout(() => {
      buildPage().catch((error: unknown) => console.error(error instanceof Error ? error.message : error));
    }, 100);
  };
  for (const source of ["web", "clients", "guide", "wire"]) {
    // It must not keep the process alive that waits for wrangler alone.
    watch(join(ROOT, source), { recursive: true }, rebuild).unref();
  }
}

/**
 * wrangler takes its TCP listeners from the configuration alone, and a deploy has none: so a copy that adds them, with
 * every path as it is seen from there.
 */
function writeConfig(directory: string, host: string, ports: readonly number[], config: string): string {
  const path = join(directory, "wrangler.json");
  const { rawConfig } = experimental_readRawConfig({ config });
  const { main = "", assets, env: _, ...rest } = rawConfig;
  const from = (file: string) => join(dirname(config), file);
  const connect = ports.map((port) => ({ protocol: "tcp", port, address: host }));
  const files =
    assets?.directory === undefined ? {} : { assets: { ...assets, directory: from(assets.directory) } };
  writeFileSync(path, JSON.stringify({ ...rest, ...files, main: from(main), connect }));
  return path;
}

/** In a file rather than in `--var`: secrets are among them, and every user of a machine sees arguments. */
function writeSettings(directory: string, name: string, bindings: object): string {
  const path = join(directory, `${name}.env`);
  const lines = Object.entries(bindings).map(([key, value]) => `${key}=${quote(key, String(value))}\n`);
  writeFileSync(path, lines.join(""), { mode: 0o600 });
  return path;
}

/** A value of a `.env` file, which has three kinds of quotes and no way to escape one within it. */
function quote(name: string, value: string): string {
  const mark = ["'", "`", '"'].find((character) => !value.includes(character));
  if (mark === undefined)
    throw new StartError(`${name} has every kind of quotes in it, and \`npm run dev\` needs one.`);
  return `${mark}${value}${mark}`;
}
