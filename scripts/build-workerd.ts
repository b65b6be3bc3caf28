import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { LIMIT_NAMES } from "../core/limits.ts";
import { SETTING_NAMES } from "./bindings.ts";
import type { BuildOptions } from "./build.ts";
import { buildIfStale } from "./build.ts";
import { parseDoors } from "./door-subset.ts";
import { PAGE_FILE_TYPES } from "./page-file-types.ts";
import { OPTIONS_FILE, PAGE, QSTASH_BUNDLE, ROOT, WORKERD } from "./paths.ts";
import { STAND_IN_NAMES } from "./qstash.ts";
import { exitWith } from "./start-error.ts";
import type { SavedOptions } from "./workerd-config.ts";
import { formatWorkerdConfig, SOCKETS } from "./workerd-config.ts";

const SOURCE = join(ROOT, "self-host");
const MAIN = "main.js";
/** Told to the Worker by whoever starts workerd, beside its settings. */
const PORT_VARIABLES = [SOCKETS.tcp.variable, SOCKETS.mqtt.variable];
const QSTASH_VARIABLES = [
  "QSTASH_URL",
  "QSTASH_TOKEN",
  "QSTASH_CURRENT_SIGNING_KEY",
  "QSTASH_NEXT_SIGNING_KEY",
  ...STAND_IN_NAMES,
  "WORKER_ALIAS",
];

/**
 * Makes `dist/workerd`: all that a machine needs to serve the Worker beside `workerd` and Node. The configuration is
 * `config.capnp`; `serve.mjs` starts workerd with it, and looks after it.
 *
 * @throws StartError
 */
export async function buildWorkerd(options: BuildOptions = {}): Promise<void> {
  const { bundle } = await buildIfStale(options);
  // Made aside and moved into place, so that who starts meanwhile never finds half of it.
  const aside = join(dirname(WORKERD), `.workerd-${process.pid}`);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { recursive: true });
  try {
    await bundlePrograms(aside);
    const worker = copyBundle(bundle, aside, "worker.js");
    const qstash = copyBundle(QSTASH_BUNDLE, aside, "qstash.js");
    writeFileSync(join(aside, MAIN), formatMain(worker));
    cpSync(PAGE, join(aside, "page"), { recursive: true });
    const config = formatWorkerdConfig({
      worker: { options: worker, modules: [MAIN, "control.js", "worker.js"] },
      qstash: { options: qstash, modules: ["qstash.js"] },
      outbound: "outbound.js",
      pageFiles: "page-files.js",
      pageManifest: listPageFiles(),
      variables: [...LIMIT_NAMES, ...SETTING_NAMES, ...PORT_VARIABLES],
      qstashVariables: QSTASH_VARIABLES,
    });
    writeFileSync(join(aside, "config.capnp"), config);
    writeFileSync(join(aside, "served.json"), JSON.stringify({ crons: worker.cronTriggers ?? [] }));
    rmSync(WORKERD, { recursive: true, force: true });
    renameSync(aside, WORKERD);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

async function bundlePrograms(directory: string): Promise<void> {
  const { build } = await import("esbuild");
  const common = { absWorkingDir: ROOT, bundle: true, format: "esm", logLevel: "error" } as const;
  await Promise.all([
    build({
      ...common,
      entryPoints: ["control", "outbound", "page-files"].map((name) => join(SOURCE, "workers", `${name}.ts`)),
      outdir: directory,
      external: ["cloudflare:workers"],
      target: "es2024",
    }),
    build({
      ...common,
      entryPoints: { serve: join(SOURCE, "main.ts") },
      outdir: directory,
      outExtension: { ".js": ".mjs" },
      platform: "node",
      target: "node20",
    }),
  ]);
}

function copyBundle(bundle: string, directory: string, name: string): SavedOptions {
  cpSync(bundle, join(directory, name));
  return JSON.parse(readFileSync(join(dirname(bundle), OPTIONS_FILE), "utf8")) as SavedOptions;
}

/** The module that is the Worker here: as it is in a deploy, and what the process is controlled by. */
function formatMain({ durableObjects }: SavedOptions): string {
  const classes = Object.fromEntries(
    Object.entries(durableObjects).map(([binding, { className }]) => [binding, className]),
  );
  return [
    'import worker, * as classes from "./worker.js";',
    'import { createControl, toServed } from "./control.js";',
    'export * from "./worker.js";',
    `export default toServed(worker, classes, ${JSON.stringify(classes)});`,
    "export const Control = createControl(worker);",
    "",
  ].join("\n");
}

function listPageFiles() {
  const files = readdirSync(PAGE, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.flatMap((entry) => {
      const path = join(entry.parentPath, entry.name);
      const type = PAGE_FILE_TYPES[extname(path)];
      if (type === undefined) return [];
      const hash = createHash("sha256").update(readFileSync(path)).digest("base64url").slice(0, 22);
      return [[`/${relative(PAGE, path)}`, { type, etag: `"${hash}"` }]];
    }),
  );
}

if (import.meta.main) {
  try {
    await buildWorkerd({ doors: parseDoors(process.env.DOORS) });
    console.log(
      `${relative(process.cwd(), WORKERD)} is made. Start it: node ${relative(process.cwd(), join(WORKERD, "serve.mjs"))}`,
    );
  } catch (error) {
    exitWith(error);
  }
}
