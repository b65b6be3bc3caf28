import { once } from "node:events";
import { mkdirSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { buildPage } from "./build-page.ts";
import { lastChangeMs } from "./last-change.ts";
import { BUNDLE, OPTIONS_FILE, PAGE, QSTASH_BUNDLE, QSTASH_CONFIG, ROOT, WRANGLER_CONFIG } from "./paths.ts";
import { runWrangler } from "./run-wrangler.ts";
import { exitWith, StartError } from "./start-error.ts";

interface Bundle {
  /** Wrangler's configuration, for a Worker. */
  readonly config: string;
  readonly file: string;
  /** Everything that it is made from. */
  readonly sources: readonly string[];
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

const BUNDLES: readonly Bundle[] = [
  {
    config: WRANGLER_CONFIG,
    file: BUNDLE,
    sources: [
      "worker.ts",
      "wrangler.toml",
      "tsconfig.json",
      "package-lock.json",
      "core",
      "wire",
      "guide",
      "functions",
      "durable-objects",
      "services",
      "proto",
    ],
  },
  {
    config: QSTASH_CONFIG,
    file: QSTASH_BUNDLE,
    sources: ["tsconfig.json", "package-lock.json", "core", "local"],
  },
];

/** Bundles as a deploy would, the page, the Worker and what stands in beside it, where a source is newer. */
export async function buildIfStale(): Promise<void> {
  if (isStale(PAGE_DOCUMENT, PAGE_SOURCES)) await buildPageDated();
  await buildAll(BUNDLES.filter(({ file, sources }) => isStale(file, sources)));
}

function isStale(file: string, sources: readonly string[]): boolean {
  return lastChangeMs(file) <= Math.max(...sources.map((source) => lastChangeMs(join(ROOT, source))));
}

/**
 * Builds the page into `dist/web`, bundles the Worker into `dist/worker.js`, with the files that it imports as text
 * beside it, and the stand-in for QStash into `dist/qstash/worker.js`.
 *
 * @throws StartError with what wrangler or esbuild printed
 */
export async function build(): Promise<void> {
  // First: wrangler looks whether the page is there, since a deploy uploads it.
  await buildPageDated();
  await buildAll(BUNDLES);
}

async function buildPageDated(): Promise<void> {
  const startedAt = new Date();
  await buildPage();
  utimesSync(PAGE_DOCUMENT, startedAt, startedAt);
}

async function buildAll(bundles: readonly Bundle[]): Promise<void> {
  await Promise.all(bundles.map(buildOne));
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
async function saveOptions(config: string, directory: string): Promise<void> {
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
    await build();
  } catch (error) {
    exitWith(error);
  }
}
