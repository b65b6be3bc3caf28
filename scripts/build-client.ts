import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
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

const asOne: Plugin = {
  name: "as-one",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/index\.ts$/ }, () => ({ path: "./index.js", external: true }));
  },
};

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
  rmSync(CLIENT, { recursive: true, force: true });
  const options: BuildOptions = {
    outdir: CLIENT,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    // What Node 20 and browsers of 2023 take.
    target: "es2022",
    logLevel: "warning",
  };
  await build({ ...options, entryPoints: [join(SOURCE, "index.ts")], splitting: true });
  // The layers take what they need from the client itself: there is one of it, however many of them are used.
  await build({
    ...options,
    entryPoints: LAYERS.map((name) => join(SOURCE, `${name}.ts`)),
    plugins: [asOne],
  });
  const types = ["-p", join(SOURCE, "tsconfig.json"), "--outDir", join(CLIENT, "types")];
  if (!(await run("tsc", types, { timeoutMs: 120_000 }))) throw new StartError("The client has no types.");
  for (const name of ["README.md", "package.json"]) cpSync(join(SOURCE, name), join(CLIENT, name));
  writeFileSync(join(CLIENT, ".built"), startedAt.toISOString());
}

/** The gzipped bytes of the client and everything that it imports at once: what a page loads before it runs. */
export function bundledBytes(): number {
  const files = new Set<string>();
  const add = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(join(CLIENT, file), "utf8");
    // Not `import(...)`: that is loaded when it is needed.
    for (const [, imported] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) add(imported ?? "");
  };
  add("index.js");
  const texts = [...files].map((file) => readFileSync(join(CLIENT, file)));
  return texts.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).byteLength, 0);
}

if (import.meta.main) {
  try {
    await buildClient();
    console.log(`dist/client: ${bundledBytes()} bytes, gzipped`);
  } catch (error) {
    exitWith(error);
  }
}
