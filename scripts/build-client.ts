import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { lastChangeMs } from "./last-change.ts";
import { CLIENT, ROOT } from "./paths.ts";
import { run } from "./run.ts";
import { exitWith, StartError } from "./start-error.ts";

const SOURCE = join(ROOT, "clients", "typescript");
const SOURCES = [SOURCE, join(ROOT, "proto", "gen"), join(ROOT, "package-lock.json")];
/** What a package of the client offers: each is a name in `exports` of its package.json. */
const ENTRIES = ["index", "chat", "sse", "long-poll"] as const;

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
  await build({
    entryPoints: ENTRIES.map((name) => join(SOURCE, `${name}.ts`)),
    outdir: CLIENT,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["import"],
    // What Node 20 and browsers of 2023 take.
    target: "es2022",
    logLevel: "warning",
  });
  const types = ["-p", join(SOURCE, "tsconfig.json"), "--outDir", join(CLIENT, "types")];
  if (!(await run("tsc", types, { timeoutMs: 120_000 }))) throw new StartError("The client has no types.");
  for (const name of ["README.md", "package.json"]) cpSync(join(SOURCE, name), join(CLIENT, name));
  writeFileSync(join(CLIENT, ".built"), startedAt.toISOString());
}

/** The gzipped bytes of a module and everything that it imports at once: what a page loads before it runs. */
export function bundledBytes(name: (typeof ENTRIES)[number]): number {
  const files = new Set<string>();
  const add = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const text = readFileSync(join(CLIENT, file), "utf8");
    // Not `import(...)`: that is loaded when it is needed.
    for (const [, imported] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) add(imported ?? "");
  };
  add(`${name}.js`);
  const texts = [...files].map((file) => readFileSync(join(CLIENT, file)));
  return texts.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).byteLength, 0);
}

if (import.meta.main) {
  try {
    await buildClient();
    for (const name of ENTRIES) console.log(`${name}: ${bundledBytes(name)} bytes, gzipped`);
  } catch (error) {
    exitWith(error);
  }
}
