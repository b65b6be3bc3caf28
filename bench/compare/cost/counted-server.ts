import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { build } from "esbuild";
import { buildIfStale } from "../../../scripts/build.ts";
import { BUNDLE, OPTIONS_FILE, ROOT } from "../../../scripts/paths.ts";
import { serve } from "../../../scripts/serve.ts";
import { cpuMsOf } from "../../process-usage.ts";

/** What was used since the last reset, by the units of the price list. */
export interface Usage {
  readonly workerRequests: number;
  /** CPU of the whole runtime: the Worker's is part of it, so this is what it is at most. Undefined where there is no /proc. */
  readonly cpuMs: number | undefined;
  /** Calls of an object's methods, fetches and alarms. */
  readonly objectRequests: number;
  /** WebSocket messages that came in to an object that sleeps between them. */
  readonly objectMessages: number;
  /** Objects times the time that each was busy, in ms. */
  readonly objectBusyMs: number;
  readonly rowsRead: number;
  /** With an alarm that is set as a row, as it is billed. */
  readonly rowsWritten: number;
}

export interface CountedServer {
  readonly url: string;
  readonly tcpPort: number;
  readonly mqttPort: number;
  /** Counts from nothing. What is under way goes on being counted, unless it is to be forgotten. */
  reset(options?: { readonly forgetsWaiting?: boolean }): Promise<void>;
  read(): Promise<Usage>;
  stop(): Promise<void>;
}

interface Report {
  readonly workerRequests: number;
  readonly objectCalls: number;
  readonly objectMessages: number;
  readonly alarms: number;
  readonly alarmsSet: number;
  readonly rowsRead: number;
  readonly rowsWritten: number;
  readonly spans: readonly Span[];
}

export interface Span {
  readonly object: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** Serves the Worker with `trace-worker.js` before it: the very bundle, counted from within. */
export async function startCountedServer(): Promise<CountedServer> {
  await buildIfStale();
  const directory = mkdtempSync(join(tmpdir(), "everywire-cost-"));
  const bundle = await bundleTraced(directory);
  const stateDirectory = join(directory, "state");
  const served = await serve({
    port: 0,
    stateDirectory,
    bundle,
    environment: {
      DEV_AUTH: "true",
      RATE_LIMITS: "off",
      ALLOW_PRIVATE_WEBHOOKS: "true",
      // As in a deploy (wrangler.toml).
      FEED_STREAMS: "hibernating",
    },
  });
  const pid = served.runtime.pid ?? 0;
  let cpuBeforeMs = cpuMsOf(pid);
  return {
    url: served.url,
    tcpPort: served.tcpPorts.TCP_PORT,
    mqttPort: served.tcpPorts.MQTT_PORT,
    async reset({ forgetsWaiting = false } = {}) {
      await fetch(`${served.url}/__cost/${forgetsWaiting ? "forget" : "reset"}`);
      cpuBeforeMs = cpuMsOf(pid);
    },
    async read() {
      const cpuMs = cpuMsOf(pid);
      const report = (await (await fetch(`${served.url}/__cost/counts`)).json()) as Report;
      return {
        workerRequests: report.workerRequests,
        cpuMs: cpuMs === undefined || cpuBeforeMs === undefined ? undefined : cpuMs - cpuBeforeMs,
        objectRequests: report.objectCalls + report.alarms,
        objectMessages: report.objectMessages,
        objectBusyMs: toBusyMs(report.spans),
        rowsRead: report.rowsRead,
        rowsWritten: report.rowsWritten + report.alarmsSet,
      };
    },
    async stop() {
      await served.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** For how long each object was busy with anything at all, summed over the objects: what comes at once is billed once. */
export function toBusyMs(spans: readonly Span[]): number {
  const objects = Map.groupBy(spans, ({ object }) => object);
  let sumMs = 0;
  for (const own of objects.values()) {
    let endMs = Number.NEGATIVE_INFINITY;
    for (const { fromMs, toMs } of own.toSorted((a, b) => a.fromMs - b.fromMs)) {
      sumMs += Math.max(0, toMs - Math.max(fromMs, endMs));
      endMs = Math.max(endMs, toMs);
    }
  }
  return sumMs;
}

/** One module out of the Worker's and ours, beside the texts that it imports. */
async function bundleTraced(directory: string): Promise<string> {
  const text = readFileSync(join(dirname(BUNDLE), OPTIONS_FILE), "utf8");
  const { durableObjects } = JSON.parse(text) as {
    readonly durableObjects: Readonly<Record<string, { readonly className: string }>>;
  };
  const classes = Object.values(durableObjects).map(({ className }) => className);
  const bundle = join(directory, "worker.js");
  const texts = new Set<string>();
  await build({
    stdin: {
      contents: [
        `import worker, * as all from ${JSON.stringify(BUNDLE)};`,
        `import { traceClass, traceWorker } from ${JSON.stringify(join(import.meta.dirname, "trace-worker.js"))};`,
        ...classes.map((name) => `export const ${name} = traceClass(all.${name}, "${name}");`),
        "export default traceWorker(worker);",
      ].join("\n"),
      resolveDir: ROOT,
    },
    outfile: bundle,
    bundle: true,
    format: "esm",
    target: "esnext",
    external: ["cloudflare:*", "node:*", ...builtinModules],
    logLevel: "error",
    plugins: [
      {
        name: "texts",
        setup: ({ onResolve }) =>
          onResolve({ filter: /^\.\/[0-9a-f]{40}-/ }, ({ path }) => {
            texts.add(basename(path));
            return { path, external: true };
          }),
      },
    ],
  });
  for (const name of [...texts, OPTIONS_FILE]) cpSync(join(dirname(BUNDLE), name), join(directory, name));
  return bundle;
}
