import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ROOT } from "../../../scripts/paths.ts";

/** What a client's source says; plain JSON. */
export interface SourceFigures {
  /** Lines that are neither blank nor a comment, in its file and in those beside it that it runs. */
  readonly lines: number;
  /** Packages that it names. */
  readonly packages: readonly string[];
  /** Those and what they depend on. */
  readonly allPackages: number;
  readonly installedKib: number;
  /** Bundled and minified for a browser, gzipped; or why it does not run in one. */
  readonly browserBytes: number | string;
}

const CLIENTS = join(ROOT, "examples", "clients");
/** Ours, but for a client they are what a package is: shipped, or generated. */
const SHIPPED = /^(clients|proto)\//;

/** Reads a client's source: its lines, what it takes to install it, and what a page has to load for it. */
export async function measureSource(file: string): Promise<SourceFigures> {
  const entry = join(CLIENTS, `${file}.ts`);
  const files = new Set([entry]);
  const packages = new Set<string>();
  // Sets are read in the order in which they grow: the files that a file imports are looked at after it.
  for (const path of files) {
    for (const name of importsOf(path)) {
      if (name.startsWith(".")) {
        const imported = join(dirname(path), name);
        if (SHIPPED.test(relative(ROOT, imported)))
          packages.add(name.replace(/^(\.\.\/)+/, "").split("/")[0] ?? "");
        else files.add(imported);
      } else if (!name.startsWith("node:") && !builtinModules.includes(name)) {
        packages.add(toPackageName(name));
      }
    }
  }
  const named = [...packages].filter((name) => name !== "clients" && name !== "proto");
  const installed = closureOf(named);
  return {
    lines: [...files].reduce((sum, path) => sum + countLines(readFileSync(path, "utf8")), 0),
    packages: named.toSorted(),
    allPackages: installed.size,
    installedKib: [...installed.values()].reduce((sum, directory) => sum + sizeOf(directory), 0) / 1024,
    browserBytes: await bundleForBrowser(entry),
  };
}

/** Modules that are imported when it runs: types are not. */
function importsOf(path: string): readonly string[] {
  const imports = readFileSync(path, "utf8").matchAll(/^import (?!type\b)[^;]*?from "([^"]+)";$/gms);
  return Array.from(imports, ([, name]) => name ?? "");
}

/** Lines of code. Comments in these files have their lines to themselves. */
export function countLines(text: string): number {
  return text.split("\n").filter((line) => !/^\s*($|\/\/|\/\*|\*)/.test(line)).length;
}

function toPackageName(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

/** The packages and all that they depend on, as they are installed: each folder, by its place. */
function closureOf(names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const visit = (name: string, from: string): void => {
    const directory = findPackage(name, from);
    // An optional one may be left out.
    if (directory === undefined || found.has(directory)) return;
    found.set(directory, directory);
    const manifest = JSON.parse(readFileSync(join(directory, "package.json"), "utf8")) as Manifest;
    const optional = Object.entries(manifest.peerDependenciesMeta ?? {}).flatMap(([peer, meta]) =>
      meta.optional === true ? [peer] : [],
    );
    const peers = Object.keys(manifest.peerDependencies ?? {}).filter((peer) => !optional.includes(peer));
    for (const next of [...Object.keys(manifest.dependencies ?? {}), ...peers]) visit(next, directory);
  };
  for (const name of names) visit(name, ROOT);
  return found;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** As Node looks for it: in the nearest `node_modules`, and outwards from there. */
function findPackage(name: string, from: string): string | undefined {
  for (let directory = from; ; directory = dirname(directory)) {
    const candidate = join(directory, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (directory === ROOT || directory === dirname(directory)) return undefined;
  }
}

/** Bytes of a package's own files, without what is installed within it. */
function sizeOf(directory: string): number {
  return readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    if (entry.name === "node_modules") return sum;
    const path = join(directory, entry.name);
    return sum + (entry.isDirectory() ? sizeOf(path) : entry.isFile() ? statSync(path).size : 0);
  }, 0);
}

/** What a page loads before it runs: what is imported only when it is needed does not count. */
async function bundleForBrowser(entry: string): Promise<number | string> {
  try {
    const { outputFiles, metafile } = await build({
      entryPoints: [entry],
      outdir: "bundled",
      absWorkingDir: ROOT,
      bundle: true,
      splitting: true,
      metafile: true,
      write: false,
      minify: true,
      format: "esm",
      platform: "browser",
      target: "es2022",
      logLevel: "silent",
    });
    const isEntry = (path: string) => metafile.outputs[path]?.entryPoint === relative(ROOT, entry);
    const files = new Set(Object.keys(metafile.outputs).filter(isEntry));
    // A set is read in the order in which it grows.
    for (const path of files)
      for (const { path: imported, kind } of metafile.outputs[path]?.imports ?? [])
        if (kind === "import-statement") files.add(imported);
    return outputFiles
      .filter(({ path }) => files.has(relative(ROOT, path)))
      .reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).byteLength, 0);
  } catch (error) {
    const missing = new Set(String(error).match(/"node:[a-z/_]+"/g) ?? []);
    if (missing.size === 0) throw error;
    return `needs ${[...missing].map((name) => name.slice(1, -1)).join(", ")}`;
  }
}
