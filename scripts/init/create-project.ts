import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { stringify } from "smol-toml";
import type { DoorSubset } from "../door-subset.ts";
import { createSubset, toRoutesSource, toWorkerSource } from "../door-subset.ts";
import { PAGE, ROOT } from "../paths.ts";
import { toSubsetConfig } from "../subset-config.ts";
import { followImports } from "./follow-imports.ts";
import { toAgentsFile, toReadme } from "./project-docs.ts";
import { listDrivers, toDriversSource } from "./project-tests.ts";

export interface ProjectOptions {
  /** There, and empty, or not there yet. */
  readonly directory: string;
  readonly name: string;
  /** Names of doors. */
  readonly doors: readonly string[];
}

export interface CreatedProject {
  /** How many files it has. */
  readonly files: number;
  readonly dependencies: readonly string[];
  readonly doors: readonly string[];
  /** What its owner should know of the choice. */
  readonly notes: readonly string[];
}

const TEMPLATES = join(import.meta.dirname, "template");
const WORKERS_TYPES = "@cloudflare/workers-types";
/** Tools that no source imports. */
const TOOLS = [
  "@cloudflare/workers-types",
  "@types/node",
  "node",
  "typescript",
  "vitest",
  "workerd",
  "wrangler",
];
/** Whose own installation is needed for what they do. */
const ALLOWED_SCRIPTS = ["node", "esbuild", "workerd"];
const WORKER_FOLDERS = [
  "composition",
  "core",
  "durable-objects",
  "functions",
  "guide",
  "proto",
  "services",
  "wire",
];

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

/**
 * Makes a project of some doors: their sources, copied, with nothing of the others; what serves, tests and deploys it. It depends
 * on packages from npm, and on nothing of this repository.
 *
 * @throws StartError naming a door that there is not
 */
export async function createProject({ directory, name, doors }: ProjectOptions): Promise<CreatedProject> {
  const subset = createSubset(doors);
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as Manifest;
  const drivers = listDrivers(subset);
  const fill = (text: string) => text.replaceAll("{{name}}", name);
  const template = (file: string) => fill(readFileSync(join(TEMPLATES, `${file}.txt`), "utf8"));

  const worker = new Map([
    ["worker.ts", toWorkerSource(subset, ".", "./functions/routes.ts")],
    ["functions/routes.ts", toRoutesSource(subset, ".")],
  ]);
  const around = new Map([
    ["scripts/serve.ts", template("serve.ts")],
    ["scripts/start.ts", template("start.ts")],
    ["tests/conformance/doors.test.ts", template("doors.test.ts")],
    ["tests/conformance/doors.ts", toDriversSource(subset, drivers)],
  ]);
  const hasQueue = subset.parts.includes("queue");
  if (hasQueue)
    around.set("local/qstash/worker.ts", readFileSync(join(ROOT, "local/qstash/worker.ts"), "utf8"));
  const running = followImports(worker, ROOT);
  const developing = followImports(around, ROOT);
  const dependencies = pick(manifest, running.packages);
  const devDependencies = pick(manifest, [...TOOLS, ...developing.packages], running.packages);

  const written = new Map([
    ...worker,
    ...around,
    ["package.json", toJson(toPackage(name, manifest, { dependencies, devDependencies }))],
    ["wrangler.toml", await toWranglerConfig(subset, name, directory)],
    [
      "tsconfig.json",
      toJson(toTypeScriptConfig(["ES2024", "DOM"], [WORKERS_TYPES], ["worker.ts", ...WORKER_FOLDERS])),
    ],
    [
      "tsconfig.node.json",
      toJson(
        toTypeScriptConfig(
          ["ESNext", "DOM"],
          ["node", WORKERS_TYPES],
          ["scripts", "tests", "vitest.config.ts"],
        ),
      ),
    ],
    ["vitest.config.ts", template("vitest.config.ts")],
    [".gitignore", "node_modules/\ndist/\n.wrangler/\n.everywire/\n.dev.vars*\n.env*\n"],
    [".npmrc", "save-exact=true\n"],
    ["README.md", toReadme(name, subset, { hasQueue })],
    ["AGENTS.md", toAgentsFile(name, subset)],
  ]);
  const copied = new Set([...running.files, ...developing.files, "LICENSE"]);
  for (const door of subset.doors) copied.add(`functions/${door.name}/README.md`);
  if (hasQueue) copied.add("local/qstash/wrangler.toml").add("local/qstash/README.md");
  for (const path of copied) copy(path, directory);
  for (const [path, text] of written) write(join(directory, path), text);
  if (hasFiles(subset)) cpSync(PAGE, join(directory, "page"), { recursive: true });
  return {
    files: copied.size + written.size,
    dependencies: Object.keys(dependencies),
    doors: subset.doors.map((door) => door.name),
    notes: subset.notes,
  };
}

function copy(path: string, directory: string): void {
  const from = join(ROOT, path);
  // Not every door has a text of its own.
  if (!existsSync(from)) return;
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  cpSync(from, join(directory, path));
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function toPackage(name: string, { version, license }: Manifest, packages: object) {
  return {
    name,
    version,
    private: true,
    license,
    type: "module",
    engines: { node: ">=20" },
    scripts: {
      start: "exec node scripts/start.ts",
      check: "tsc -p tsconfig.json && tsc -p tsconfig.node.json",
      test: "vitest run",
      deploy: "wrangler deploy",
    },
    allowScripts: Object.fromEntries(ALLOWED_SCRIPTS.map((each) => [each, true])),
    ...packages,
  };
}

/** The exact versions that this repository is tested with. */
function pick(
  { dependencies, devDependencies }: Manifest,
  names: readonly string[],
  except: readonly string[] = [],
): Record<string, string> {
  const known: Readonly<Record<string, string>> = {
    ...devDependencies,
    ...dependencies,
    // Here the name is that of the release before, which other tools parse with.
    typescript: (devDependencies["@typescript/native"] ?? "").replace("npm:typescript@", ""),
  };
  const chosen = [...new Set(names)].filter((name) => !except.includes(name)).sort();
  return Object.fromEntries(
    chosen.map((name) => {
      const version = known[name];
      if (version === undefined) throw new Error(`${name} is imported, and is not in package.json.`);
      return [name, version];
    }),
  );
}

async function toWranglerConfig(subset: DoorSubset, name: string, directory: string): Promise<string> {
  const { env: _, ...config } = (await toSubsetConfig(subset, directory)) as {
    readonly env?: unknown;
    readonly assets?: object;
  };
  const own = {
    ...config,
    name,
    ...(config.assets === undefined ? {} : { assets: { ...config.assets, directory: "page" } }),
  };
  return `# What this Worker is deployed with. Secrets are not here: \`npx wrangler secret put JWT_SECRET\`.\n${stringify(own)}\n`;
}

function hasFiles({ doors }: DoorSubset): boolean {
  return doors.some(({ name }) => name === "page" || name === "graphql");
}

/** The browser's types, where packages of the whole repository bring them in and those of some doors may not. */
function toTypeScriptConfig(lib: readonly string[], types: readonly string[], include: readonly string[]) {
  const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, "tsconfig.json"), "utf8")) as {
    compilerOptions: object;
  };
  return { compilerOptions: { ...compilerOptions, lib, types, resolveJsonModule: true }, include };
}

function toJson(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
