import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Metafile } from "esbuild";
import { PAGE, ROOT } from "./paths.ts";
import { StartError } from "./start-error.ts";

const SOURCE = join(ROOT, "web");

/** Where each name in `index.html` comes from. */
const ENTRIES = {
  script: "web/main.tsx",
  theme: "web/theme-early.ts",
  style: "web/styles/main.css",
} as const;

/** GraphiQL, as its makers built it, under the names of its door (functions/graphql/graphiql.ts). */
const GRAPHIQL_FILES = {
  "react.js": "react/umd/react.production.min.js",
  "react-dom.js": "react-dom/umd/react-dom.production.min.js",
  "graphiql.js": "graphiql/graphiql.min.js",
  "graphiql.css": "graphiql/graphiql.min.css",
} as const;
const GRAPHIQL = join("graphql", "graphiql");

/**
 * Builds the page into `dist/web`: scripts and styles under names with the hash of what is in them, and the document
 * that names them, and GraphiQL beside it. What a lane needs beyond the page itself becomes a file of its own, loaded when it is first wanted.
 *
 * @throws StartError with what esbuild found wrong
 */
export async function buildPage(): Promise<void> {
  const { build } = await import("esbuild");
  // Made aside and moved into place, so that who serves the page meanwhile never finds half of it.
  const aside = join(dirname(PAGE), `.web-${process.pid}`);
  rmSync(aside, { recursive: true, force: true });
  mkdirSync(aside, { recursive: true });
  try {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: Object.values(ENTRIES),
      bundle: true,
      splitting: true,
      format: "esm",
      target: ["es2022", "chrome123", "firefox120", "safari17.5"],
      minify: true,
      outdir: join(aside, "assets"),
      entryNames: "[name]-[hash]",
      chunkNames: "[name]-[hash]",
      assetNames: "[name]-[hash]",
      jsx: "automatic",
      jsxImportSource: "preact",
      tsconfig: join(ROOT, "tsconfig.web.json"),
      metafile: true,
      legalComments: "none",
      logLevel: "silent",
      define: { "process.env.NODE_ENV": '"production"' },
    });
    writeFileSync(join(aside, "index.html"), toDocument(metafile, aside));
    writeFileSync(join(aside, "favicon.svg"), readFileSync(join(SOURCE, "favicon.svg")));
    mkdirSync(join(aside, GRAPHIQL), { recursive: true });
    for (const [name, source] of Object.entries(GRAPHIQL_FILES)) {
      copyFileSync(join(ROOT, "node_modules", source), join(aside, GRAPHIQL, name));
    }
    replaceDirectory(aside, PAGE);
  } catch (error) {
    throw new StartError(`The page does not build.\n${error instanceof Error ? error.message : error}`);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

/** The document, with the names that the build gave, and the modules that the first one imports fetched beside it. */
function toDocument(metafile: Metafile, outdir: string): string {
  const outputs = Object.entries(metafile.outputs);
  const nameOf = (path: string) => `/assets/${relative(join(outdir, "assets"), join(ROOT, path))}`;
  const find = (entry: string) => {
    const found = outputs.find(([, { entryPoint }]) => entryPoint === entry);
    if (found === undefined) throw new Error(`${entry} is not in the build.`);
    return found;
  };
  const [script, { imports }] = find(ENTRIES.script);
  const preloads = imports
    .filter(({ kind }) => kind === "import-statement")
    .map(({ path }) => `<link rel="modulepreload" href="${nameOf(path)}">`);
  return readFileSync(join(SOURCE, "index.html"), "utf8")
    .replace("{script}", nameOf(script))
    .replace("{theme}", nameOf(find(ENTRIES.theme)[0]))
    .replace("{style}", nameOf(find(ENTRIES.style)[0]))
    .replace("<!-- preloads -->", preloads.join("\n    "));
}

/** File by file, the document last: who asks meanwhile gets the old page whole or the new one whole. */
function replaceDirectory(from: string, to: string): void {
  mkdirSync(join(to, "assets"), { recursive: true });
  mkdirSync(join(to, GRAPHIQL), { recursive: true });
  const made = readdirSync(join(from, "assets"));
  const old = readdirSync(join(to, "assets")).filter((name) => !made.includes(name));
  for (const name of made) renameSync(join(from, "assets", name), join(to, "assets", name));
  for (const name of Object.keys(GRAPHIQL_FILES)) {
    renameSync(join(from, GRAPHIQL, name), join(to, GRAPHIQL, name));
  }
  renameSync(join(from, "favicon.svg"), join(to, "favicon.svg"));
  renameSync(join(from, "index.html"), join(to, "index.html"));
  // Somebody else may have built at the same time.
  for (const name of old) rmSync(join(to, "assets", name), { force: true });
}
