import { once } from "node:events";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { buildPage } from "./build-page.ts";
import type { DoorSubset } from "./door-subset.ts";
import { createSubset, parseDoors, toRoutesSource, toWorkerSource } from "./door-subset.ts";
import { lastChangeMs } from "./last-change.ts";
import {
  BUNDLE,
  OPTIONS_FILE,
  PAGE,
  QSTASH_BUNDLE,
  QSTASH_CONFIG,
  ROOT,
  SUBSETS,
  WRANGLER_CONFIG,
} from "./paths.ts";
import { runWrangler } from "./run-wrangler.ts";
import { exitWith, StartError } from "./start-error.ts";
import { toSubsetConfig } from "./subset-config.ts";

interface Bundle {
  /** Wrangler's configuration, for a Worker. */
  readonly config: string;
  readonly file: string;
  /** Everything that it is made from. */
  readonly sources: readonly string[];
}

export interface BuildOptions {
  /** Names of doors; left out, all of them. */
  readonly doors?: readonly string[] | undefined;
}

/** A built Worker. */
export interface Built {
  /** The bundle. `options.json` beside it says how the runtime is to be set up for it. */
  readonly bundle: string;
  /** Wrangler's configuration of it. */
  readonly config: string;
}

/** The document names all the rest of the page, and is written last. */
const PAGE_DOCUMENT = join(PAGE, "index.html");
const PAGE_SOURCES = [
  "package-lock.json",
  "web",
  "clients",
  "guide",
  "wire",
  "proto",
  "scripts/build-page.ts",
];

const WORKER_SOURCES = [
  "worker.ts",
  "wrangler.toml",
  "tsconfig.json",
  "package-lock.json",
  "composition",
  "core",
  "wire",
  "guide",
  "functions",
  "durable-objects",
  "services",
  "proto",
];

const WORKER: Bundle = { config: WRANGLER_CONFIG, file: BUNDLE, sources: WORKER_SOURCES };
const STAND_IN: Bundle = {
  config: QSTASH_CONFIG,
  file: QSTASH_BUNDLE,
  sources: ["tsconfig.json", "package-lock.json", "core", "local"],
};

/** Where a Worker is built, and with which configuration, whether or not it was. */
export function locate({ doors }: BuildOptions): Built {
  if (doors === undefined) return { bundle: BUNDLE, config: WRANGLER_CONFIG };
  const directory = join(SUBSETS, createSubset(doors).id);
  return { bundle: join(directory, "worker.js"), config: join(directory, "wrangler.json") };
}

/** Bundles as a deploy would, the page, the Worker and what stands in beside it, where a source is newer. */
export async function buildIfStale(options: BuildOptions = {}): Promise<Built> {
  if (isStale(PAGE_DOCUMENT, PAGE_SOURCES)) await buildPageDated();
  const bundles = [await prepareWorker(options), STAND_IN];
  await Promise.all(bundles.filter(({ file, sources }) => isStale(file, sources)).map(buildOne));
  return locate(options);
}

function isStale(file: string, sources: readonly string[]): boolean {
  return lastChangeMs(file) <= Math.max(...sources.map((source) => lastChangeMs(join(ROOT, source))));
}

/**
 * Builds the page into `dist/web`, bundles the Worker into `dist/worker.js` and the stand-in for QStash into
 * `dist/qstash/worker.js`. A Worker of some doors comes into a folder of its own, `dist/doors/<doors>/`, with its entry,
 * its table of doors and its configuration for wrangler.
 *
 * @throws StartError with what wrangler or esbuild printed, or naming a door that there is not
 * @example const { bundle, config } = await build({ doors: ["rest", "sse"] });
 */
export async function build(options: BuildOptions = {}): Promise<Built> {
  const worker = await prepareWorker(options);
  // First: wrangler looks whether the page is there, since a deploy uploads it.
  await buildPageDated();
  await Promise.all([worker, STAND_IN].map(buildOne));
  return locate(options);
}

/** The Worker that is to be built; for one of some doors, its sources are written. */
async function prepareWorker({ doors }: BuildOptions): Promise<Bundle> {
  if (doors === undefined) return WORKER;
  const { bundle, config } = locate({ doors });
  await writeSubset(createSubset(doors), dirname(bundle));
  return { config, file: bundle, sources: [...WORKER_SOURCES, "scripts/door-subset.ts", config] };
}

/** Writes what wrangler bundles a Worker of some doors from, and gives its configuration. */
export async function prepare(options: BuildOptions): Promise<string> {
  return (await prepareWorker(options)).config;
}

/** Writes the entry of a Worker of some doors, its table of doors, and wrangler's configuration for it. */
export async function writeSubset(subset: DoorSubset, directory: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  const root = relative(directory, ROOT);
  const note = `// Written by scripts/build.ts for DOORS=${subset.id.replaceAll("+", ",")}. Do not edit.\n\n`;
  writeIfChanged(join(directory, "worker.ts"), note + toWorkerSource(subset, root, "./routes.ts"));
  writeIfChanged(join(directory, "routes.ts"), note + toRoutesSource(subset, `${root}/functions`));
  const config = await toSubsetConfig(subset, directory);
  writeIfChanged(join(directory, "wrangler.json"), `${JSON.stringify(config, null, 2)}\n`);
}

/** What is the same keeps its date, and so asks for no build. */
function writeIfChanged(path: string, text: string): void {
  if (statSync(path, { throwIfNoEntry: false }) === undefined || readFileSync(path, "utf8") !== text)
    writeFileSync(path, text);
}

async function buildPageDated(): Promise<void> {
  const startedAt = new Date();
  await buildPage();
  utimesSync(PAGE_DOCUMENT, startedAt, startedAt);
}

async function buildOne({ config, file }: Bundle): Promise<void> {
  // Wrangler's own; made by it during the build, it would make the folder of the sources look newer than the bundle.
  mkdirSync(join(dirname(config), ".wrangler"), { recursive: true });
  const startedAt = new Date();
  const dist = dirname(file);
  // Made aside and moved into place, so that a process which is just starting never reads half a bundle.
  const aside = join(dist, `.build-${process.pid}`);
  mkdirSync(aside, { recursive: true });
  try {
    await Promise.all([bundle(config, aside), saveOptions(config, aside)]);
    // Dated from before the build: what was saved meanwhile is newer, and builds again.
    utimesSync(join(aside, "worker.js"), startedAt, startedAt);
    // The Worker itself last: what is newer than its sources is taken to be whole.
    const made = readdirSync(aside).filter((name) => name !== "worker.js" && name !== "README.md");
    for (const name of [...made, "worker.js"]) renameSync(join(aside, name), join(dist, name));
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/**
 * Saves how the runtime is to be set up for a Worker, as wrangler reads it from the configuration: so that who serves the
 * bundle need not load wrangler, which takes longer than all the rest of a start.
 */
export async function saveOptions(config: string, directory: string): Promise<void> {
  const { unstable_getMiniflareWorkerOptions } = await import("wrangler");
  const { modulesRules: _, ...options } = unstable_getMiniflareWorkerOptions(config).workerOptions;
  writeFileSync(join(directory, basename(OPTIONS_FILE)), JSON.stringify(options));
}

async function bundle(config: string, directory: string): Promise<void> {
  const wrangler = runWrangler(
    ["deploy", "--config", config, "--dry-run", "--outdir", directory],
    ["ignore", "pipe", "pipe"],
  );
  let output = "";
  wrangler.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  wrangler.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [status] = await once(wrangler, "close");
  if (status !== 0) throw new StartError(`The Worker does not build.\n${output}`);
}

if (import.meta.main) {
  try {
    const doors = parseDoors(process.env.DOORS);
    for (const note of doors === undefined ? [] : createSubset(doors).notes) console.log(note);
    const built = await build({ doors });
    console.log(`Built ${relative(ROOT, built.bundle)}`);
  } catch (error) {
    exitWith(error);
  }
}
