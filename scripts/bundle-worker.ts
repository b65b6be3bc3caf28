import { builtinModules } from "node:module";
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
 * Bundles a Worker in this process, as wrangler does in another one and many times slower: with the same bundler, the same
 * conditions and the runtime's own modules left out. `tests/conformance/doors-alone.test.ts` holds the two together.
 *
 * @throws Error with what esbuild found wrong
 */
export async function bundleWorker(
  entry: string,
  { minify = false }: { readonly minify?: boolean } = {},
): Promise<WorkerBundle> {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: "worker.js",
    bundle: true,
    minify,
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
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  return { code, gzipBytes: gzipSync(code, { level: 9 }).byteLength, parts: countParts(metafile) };
}

function countParts({ outputs }: Metafile): ReadonlyMap<string, number> {
  const parts = new Map<string, number>();
  for (const { inputs } of Object.values(outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const inside = file.split("node_modules/").at(-1) ?? file;
      const [first = "", second = ""] = inside.split("/");
      const name = file.includes("node_modules/") && first.startsWith("@") ? `${first}/${second}` : first;
      parts.set(name, (parts.get(name) ?? 0) + bytesInOutput);
    }
  }
  return parts;
}
