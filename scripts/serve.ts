import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions } from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { toBindings } from "./bindings.ts";
import { BUNDLE, ROOT, WRANGLER_CONFIG } from "./paths.ts";
import { assertPortFree } from "./port.ts";
import { startRuntime } from "./runtime.ts";

export interface ServeOptions {
  /** Zero takes any free port. */
  readonly port: number;
  readonly host?: string;
  /** Where channels and records are kept. Serving the same folder again goes on with the same state. */
  readonly stateDirectory: string;
  /** Where the Worker's settings are read from (see `bindings.ts`). */
  readonly environment: NodeJS.ProcessEnv;
}

export interface Served {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** The workerd process. */
  readonly runtime: ChildProcess;
  /** Stops in order. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would be: nothing is flushed and nobody is told. */
  kill(): Promise<void>;
}

/**
 * Serves `dist/worker.js` from Miniflare, on a socket of workerd's own: no proxy between a client and the Worker.
 * Build first (`build.ts`).
 *
 * @throws StartError
 * @example const served = await serve({ port: 0, stateDirectory, environment: { DEV_AUTH: "true" } });
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const host = options.host ?? "127.0.0.1";
  if (options.port !== 0) await assertPortFree("PORT", host, options.port);
  mkdirSync(options.stateDirectory, { recursive: true });

  const { miniflare, process: runtime, port } = await startRuntime(toMiniflareOptions(options, host));
  return {
    url: toUrl(host, port),
    port,
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

/** The Worker as wrangler.toml has it: bindings and flags are listed there, and only there. */
function toMiniflareOptions(options: ServeOptions, host: string) {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(WRANGLER_CONFIG);
  const { modulesRules: _, bindings, ...worker } = workerOptions;
  const configured = bindings as Readonly<Record<string, string>> | undefined;
  return convertV4MiniflareOptions({
    ...worker,
    // Part of every object's place on disk, so it must not change between versions.
    name: "everywire",
    rootPath: ROOT,
    modules: listModules(),
    modulesRoot: dirname(BUNDLE),
    bindings: { ...configured, ...toBindings(options.environment, options.stateDirectory) },
    unsafeDirectSockets: [{ host, port: options.port }],
    resourcePersistencePath: join(options.stateDirectory, "resources"),
    cf: false,
  });
}

/** The Worker, and the files beside it that it imports as text; the bundler names those by their hash. */
function listModules() {
  const imports = readFileSync(BUNDLE, "utf8").matchAll(/^import \w+ from "\.\/([0-9a-f]{40}-[^"]+)";$/gm);
  const texts = Array.from(imports, ([, name]) => ({
    type: "Text" as const,
    path: join(dirname(BUNDLE), name ?? ""),
  }));
  return [{ type: "ESModule" as const, path: BUNDLE }, ...texts];
}

function toUrl(host: string, port: number): string {
  // A wildcard is where to listen, and no address to connect to.
  if (host === "0.0.0.0" || host === "::") return `http://127.0.0.1:${port}`;
  return host.includes(":") ? `http://[${host}]:${port}` : `http://${host}:${port}`;
}
