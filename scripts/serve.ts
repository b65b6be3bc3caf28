import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions } from "miniflare";
import type { TcpPortName } from "../core/settings.ts";
import { doors as table } from "../functions/routes.ts";
import { assertSettings, toBindings } from "./bindings.ts";
import { locate } from "./build.ts";
import { createSubset } from "./door-subset.ts";
import { servePageFiles } from "./page-files.ts";
import { OPTIONS_FILE, QSTASH_BUNDLE, ROOT } from "./paths.ts";
import { assertPortFree, findFreePort, toUrl } from "./port.ts";
import type { QstashSettings } from "./qstash.ts";
import { hasOwnQstash, standInOptions, standInSettings, WORKER_ALIAS } from "./qstash.ts";
import { startRuntime } from "./runtime.ts";

export interface ServeOptions {
  /** Zero takes any free port. */
  readonly port: number;
  /** Where the doors listen that take TCP connections; any free ports where this is left out, or zero. */
  readonly tcpPorts?: Partial<Record<TcpPortName, number>>;
  /** Where the stand-in for QStash listens; any free port where this is left out. */
  readonly qstashPort?: number;
  readonly host?: string;
  /** Where channels and records are kept. Serving the same folder again goes on with the same state. */
  readonly stateDirectory: string;
  /** Names of doors, for a Worker that was built with some of them; left out, all. */
  readonly doors?: readonly string[] | undefined;
  /** A bundle made elsewhere, with its `options.json` beside it; left out, what `build` makes of those doors. */
  readonly bundle?: string;
  /** Where the Worker's settings are read from (see `bindings.ts`). */
  readonly environment: NodeJS.ProcessEnv;
}

export interface Served {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly tcpPorts: Readonly<Record<TcpPortName, number>>;
  /** How to reach the stand-in for QStash; undefined where the environment names a QStash of its own. */
  readonly qstash: QstashSettings | undefined;
  /** The workerd process. */
  readonly runtime: ChildProcess;
  /** Stops in order. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would be: nothing is flushed and nobody is told. */
  kill(): Promise<void>;
}

/**
 * Serves `dist/worker.js`, or a Worker of some doors, from Miniflare, on a socket of workerd's own: no proxy between a client and the Worker.
 * Build first (`build.ts`).
 *
 * @throws StartError
 * @example const served = await serve({ port: 0, stateDirectory, environment: { DEV_AUTH: "true" } });
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const host = options.host ?? "127.0.0.1";
  if (options.port !== 0) await assertPortFree("PORT", host, options.port);
  mkdirSync(options.stateDirectory, { recursive: true });

  const standIn = await prepareStandIn(options, host);
  const tcpPorts = await prepareTcpPorts(options, host);
  const prepared = toMiniflareOptions(options, host, { standIn, tcpPorts });
  const { miniflare, process: runtime, port } = await startRuntime(prepared);
  return {
    url: toUrl(host, port),
    port,
    tcpPorts,
    qstash: standIn?.settings,
    // Whoever tests a crash has to know which process to kill.
    runtime,
    stop: () => miniflare.dispose(),
    kill: async () => {
      const hasExited = runtime.exitCode !== null || runtime.signalCode !== null;
      const exited = hasExited ? undefined : once(runtime, "exit");
      runtime.kill("SIGKILL");
      await exited;
      await miniflare.dispose();
    },
  };
}

/** The runtime says nothing of the TCP ports that it took, so none is left to it to choose. */
async function prepareTcpPorts(options: ServeOptions, host: string): Promise<Record<TcpPortName, number>> {
  const prepare = async (name: TcpPortName): Promise<number> => {
    const port = options.tcpPorts?.[name] ?? 0;
    if (port === 0) return findFreePort(host);
    await assertPortFree(name, host, port);
    return port;
  };
  return { TCP_PORT: await prepare("TCP_PORT"), MQTT_PORT: await prepare("MQTT_PORT") };
}

/** The ports that doors take TCP connections on. */
export function listTcpPorts(names: readonly string[] | undefined): ReadonlySet<string> {
  const served = names === undefined ? table : createSubset(names).doors;
  return new Set(served.flatMap(({ tcp }) => (tcp === undefined ? [] : [tcp.port])));
}

/** What was chosen before the runtime starts. */
interface Prepared {
  readonly standIn: StandIn | undefined;
  readonly tcpPorts: Readonly<Record<TcpPortName, number>>;
}

interface StandIn {
  readonly port: number;
  readonly settings: QstashSettings;
}

/** The Worker is told where QStash is before anything listens, so the port is chosen here. */
async function prepareStandIn(options: ServeOptions, host: string): Promise<StandIn | undefined> {
  if (hasOwnQstash(options.environment)) return undefined;
  const { qstashPort = 0 } = options;
  if (qstashPort !== 0) await assertPortFree("QSTASH_PORT", host, qstashPort);
  const port = qstashPort === 0 ? await findFreePort(host) : qstashPort;
  return { port, settings: standInSettings(options.environment, options.stateDirectory, toUrl(host, port)) };
}

function toMiniflareOptions(options: ServeOptions, host: string, { standIn, tcpPorts }: Prepared) {
  const local = standIn === undefined ? {} : { PUBLIC_URL: WORKER_ALIAS, ...standIn.settings };
  const wanted = listTcpPorts(options.doors);
  const listeners = Object.entries(tcpPorts).filter(([name]) => wanted.has(name));
  const bindings = {
    ...local,
    ...toBindings(options.environment, options.stateDirectory),
    ...Object.fromEntries(listeners.map(([name, port]) => [name, String(port)])),
  };
  assertSettings(bindings);
  const worker = {
    ...toWorkerOptions(options.bundle ?? locate(options).bundle, bindings),
    // Part of every object's place on disk, so it must not change between versions.
    name: "everywire",
    serviceBindings: { ASSETS: servePageFiles },
    unsafeDirectSockets: [{ host, port: options.port }],
    connectHandlers: listeners.map(([, port]) => ({ protocol: "tcp" as const, port, address: host })),
  };
  return convertV4MiniflareOptions({
    workers: standIn === undefined ? [worker] : [worker, toStandInOptions(standIn, options, host)],
    resourcePersistencePath: join(options.stateDirectory, "resources"),
    cf: false,
  });
}

function toStandInOptions({ port, settings }: StandIn, { environment }: ServeOptions, host: string) {
  const bindings = { ...settings, ...standInOptions(environment), WORKER_ALIAS };
  return {
    ...toWorkerOptions(QSTASH_BUNDLE, bindings),
    name: "qstash",
    serviceBindings: { EVERYWIRE: "everywire" },
    unsafeDirectSockets: [{ host, port }],
  };
}

/** What `build.ts` saved of a configuration. */
interface WorkerOptions {
  readonly bindings?: Readonly<Record<string, string>>;
  readonly assets?: unknown;
  readonly ratelimits?: unknown;
}

/** A Worker as its configuration has it: bindings and flags are listed there, and only there. */
function toWorkerOptions(bundle: string, bindings: Readonly<Record<string, string>>) {
  const text = readFileSync(join(dirname(bundle), OPTIONS_FILE), "utf8");
  // The page comes through a binding of our own (page-files.ts). One isolate counts its requests better than a binding.
  const { bindings: configured, assets: _, ratelimits: __, ...worker } = JSON.parse(text) as WorkerOptions;
  return {
    ...worker,
    rootPath: ROOT,
    modules: [{ type: "ESModule" as const, path: bundle }],
    modulesRoot: dirname(bundle),
    bindings: { ...configured, ...bindings },
  };
}
