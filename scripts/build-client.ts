import { cpSync, readFileSync, renameSync, rmSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { BuildOptions, Plugin } from "esbuild";
import { build } from "esbuild";
import { lastChangeMs } from "./last-change.ts";
import { CLIENT, ROOT } from "./paths.ts";
import { run } from "./run.ts";
import { exitWith, StartError } from "./start-error.ts";

const SOURCE = join(ROOT, "clients", "typescript");
const SOURCES = [SOURCE, join(ROOT, "proto", "gen"), join(ROOT, "package-lock.json")];
/** What the package offers beside the client itself: each is a name in `exports` of its package.json. */
const LAYERS = ["chat", "sse", "long-poll"] as const;

/** Leaves an import to another file of the package: there is one of it, however many files use it. */
function leave(imported: RegExp, path: string): Plugin {
  return {
    name: "leave",
    setup: ({ onResolve }) => onResolve({ filter: imported }, () => ({ path, external: true })),
  };
}

/** Builds the client where a source is newer. */
export async function buildClientIfStale(): Promise<void> {
  const builtMs = lastChangeMs(join(CLIENT, "package.json"));
  if (builtMs <= Math.max(...SOURCES.map(lastChangeMs))) await buildClient();
}

/**
 * Builds `dist/client/`, a package for browsers, Node, Deno and Workers: modules without dependencies, what only
 * WebTransport needs in files of their own that are loaded when they are needed, and types beside them.
 *
 * @throws StartError
 */
export async function buildClient(): Promise<void> {
  const startedAt = new Date();
  // Made aside and moved into place, so that whoever is just loading it never reads half of it.
  const aside = join(dirname(CLIENT), `.client-${process.pid}`);
  const options: BuildOptions = {
    outdir: aside,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    // What Node 20 and browsers of 2023 take.
    target: "es2022",
    logLevel: "warning",
  };
  try {
    const layers = LAYERS.map((name) => join(SOURCE, `${name}.ts`));
    const toLazy = leave(/^\.\.\/webtransport\/pool\.ts$/, "./webtransport.js");
    const lazy = { in: join(SOURCE, "webtransport", "pool.ts"), out: "webtransport" };
    const toErrors = leave(/^\.\.\/error\.ts$/, "./index.js");
    const toClient = leave(/^\.\/index\.ts$/, "./index.js");
    await Promise.all([
      build({ ...options, entryPoints: [join(SOURCE, "index.ts")], plugins: [toLazy] }),
      build({ ...options, entryPoints: [lazy], splitting: true, plugins: [toErrors] }),
      build({ ...options, entryPoints: layers, plugins: [toClient] }),
    ]);
    const types = ["-p", join(SOURCE, "tsconfig.json"), "--outDir", join(aside, "types")];
    if (!(await run("tsc", types, { timeoutMs: 120_000 }))) throw new StartError("The client has no types.");
    for (const name of ["README.md", "package.json"]) cpSync(join(SOURCE, name), join(aside, name));
    // Dated from before the build: what was saved meanwhile is newer, and builds again.
    utimesSync(join(aside, "package.json"), startedAt, startedAt);
    rmSync(CLIENT, { recursive: true, force: true });
    renameSync(aside, CLIENT);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** The gzipped bytes of the client: what a page loads before it runs. */
export function bundledBytes(): number {
  return gzipSync(readFileSync(join(CLIENT, "index.js")), { level: 9 }).byteLength;
}

if (import.meta.main) {
  try {
    await buildClient();
    console.log(`dist/client: ${bundledBytes()} bytes, gzipped`);
  } catch (error) {
    exitWith(error);
  }
}
