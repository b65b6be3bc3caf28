import { builtinModules } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Metafile, Plugin } from "esbuild";
import { ROOT } from "./paths.ts";

export interface WorkerBundle {
  readonly code: Uint8Array;
  /** What is uploaded is measured so, and the platform's limits are too. */
  readonly gzipBytes: number;
  /** Of each package, and of each folder of our own, the bytes that are left of it in the bundle. */
  readonly parts: ReadonlyMap<string, number>;
}

/** Modules of the runtime itself: they are there under `nodejs_compat`, and never in a bundle. */
const BUILT_IN = new Set(builtinModules.map((name) => name.replace(/^node:/, "")));
/** Where it would be written, if it were. */
const OUT = join("dist", "bundles");
const REQUIRED = "required-built-in";

/** Leaves modules of Node to the runtime, those too that a CommonJS package requires by their old names. */
const builtIns: Plugin = {
  name: "built-ins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z_]+(\/[a-z_]+)*$/ }, ({ path, kind }) => {
      const name = path.replace(/^node:/, "");
      if (!BUILT_IN.has(name)) return undefined;
      return kind === "require-call"
        ? { path: name, namespace: REQUIRED }
        : { path: `node:${name}`, external: true };
    });
    onLoad({ filter: /.*/, namespace: REQUIRED }, ({ path }) => ({
      contents: `import all from "node:${path}"; module.exports = all;`,
      loader: "js",
    }));
  },
};

/**
 * Bundles Workers in this process, as wrangler does in another one and many times slower: with the same bundler, the same
 * conditions and the runtime's own modules left out. What several of them import is read once.
 * `tests/conformance/doors-alone.test.ts` holds the two together.
 *
 * @returns a bundle for each entry, in their order
 * @throws Error with what esbuild found wrong
 */
export async function bundleWorkers(entries: readonly string[]): Promise<readonly WorkerBundle[]> {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: entries.map((entry, index) => ({ in: entry, out: String(index) })),
    outdir: OUT,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd", "worker", "browser"],
    mainFields: ["browser", "module", "main"],
    external: ["cloudflare:*"],
    plugins: [builtIns],
    define: { "process.env.NODE_ENV": '"production"', global: "globalThis" },
    logLevel: "silent",
  });
  return entries.map((_, index) => {
    const name = join(OUT, `${index}.js`);
    const file = outputFiles.find(({ path }) => path === join(ROOT, name));
    const output = metafile.outputs[name];
    if (file === undefined || output === undefined) throw new Error(`esbuild made no ${name}.`);
    const gzipBytes = gzipSync(file.contents, { level: 9 }).byteLength;
    return { code: file.contents, gzipBytes, parts: countParts(output) };
  });
}

function countParts({ inputs }: Metafile["outputs"][string]): ReadonlyMap<string, number> {
  const parts = new Map<string, number>();
  for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
    const inside = file.split("node_modules/").at(-1) ?? file;
    const [first = "", second = ""] = inside.split("/");
    const name = file.includes("node_modules/") && first.startsWith("@") ? `${first}/${second}` : first;
    parts.set(name, (parts.get(name) ?? 0) + bytesInOutput);
  }
  return parts;
}
