import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { doors } from "../functions/routes.ts";
import { writeSubset } from "./build.ts";
import type { WorkerBundle } from "./bundle-worker.ts";
import { bundleWorkers } from "./bundle-worker.ts";
import type { DoorSubset } from "./door-subset.ts";
import { createSubset } from "./door-subset.ts";
import { ROOT, SUBSETS } from "./paths.ts";

const DOCUMENT = join(ROOT, "docs", "deploy.md");
const START = "<!-- sizes: written by `npm run sizes` -->";
const END = "<!-- end of sizes -->";

/** What the Worker may come to, in KiB, gzipped: the platform takes 3 MiB on its free plan, and every start parses all of it. */
export const BUDGET_KIB = { whole: 720, door: 380 } as const;

/** A Worker of one door, or of all, bundled in a folder of its own. */
export interface BundledDoor {
  /** `all` for the whole Worker. */
  readonly name: string;
  readonly subset: DoorSubset;
  /** The entry, the table of doors and wrangler's configuration are here. */
  readonly directory: string;
  readonly bundle: WorkerBundle;
}

/** Bundles each door by itself, and then all of them. Whoever calls it removes the folder. */
export async function bundleDoors(): Promise<{ bundled: readonly BundledDoor[]; directory: string }> {
  mkdirSync(SUBSETS, { recursive: true });
  const directory = mkdtempSync(join(SUBSETS, ".alone-"));
  const names = doors.map(({ name }) => name);
  const wanted = [...names.map((name) => [name, [name]] as const), ["all", names] as const];
  const written = await Promise.all(
    wanted.map(async ([name, chosen]) => {
      const subset = createSubset(chosen);
      await writeSubset(subset, join(directory, name));
      return { name, subset, directory: join(directory, name) };
    }),
  );
  const bundles = await bundleWorkers(written.map((each) => join(each.directory, "worker.ts")));
  const bundled = written.flatMap((each, index) => {
    const bundle = bundles[index];
    return bundle === undefined ? [] : [{ ...each, bundle }];
  });
  return { bundled, directory };
}

/** In KiB, as the table has it. */
export function toKib(bytes: number): number {
  return Math.round(bytes / 1024);
}

/** The figures that `docs/deploy.md` tells, by the name of the door. */
export function readDocumentedKib(): ReadonlyMap<string, number> {
  const rows = section().matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm);
  return new Map(Array.from(rows, ([, name = "", kib]) => [name, Number(kib)]));
}

function section(): string {
  const text = readFileSync(DOCUMENT, "utf8");
  return text.slice(text.indexOf(START), text.indexOf(END));
}

/** The classes that every Worker has. */
const ALWAYS_THERE = 3;

function formatTable(bundled: readonly BundledDoor[]): string {
  const rows = bundled.map(({ name, subset, bundle }) => {
    const packages = [...bundle.parts]
      .filter(([part]) => !OWN.has(part))
      .sort(([, one], [, other]) => other - one)
      .slice(0, 3)
      .map(([part]) => part);
    const objects =
      name === "all" ? `all ${subset.classes.length}` : subset.classes.slice(ALWAYS_THERE).join(", ");
    return `| \`${name}\` | ${toKib(bundle.gzipBytes)} | ${objects} | ${packages.join(", ")} |`;
  });
  return [
    "| door | KiB, gzipped | objects beside `Channel`, `Directory` and `Relay` | the largest packages in it |",
    "|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const OWN = new Set([
  "composition",
  "core",
  "dist",
  "durable-objects",
  "functions",
  "guide",
  "proto",
  "services",
  "wire",
]);

async function main(): Promise<void> {
  const { bundled, directory } = await bundleDoors();
  rmSync(directory, { recursive: true });
  const table = formatTable(bundled);
  const text = readFileSync(DOCUMENT, "utf8");
  const old = section();
  writeFileSync(DOCUMENT, text.replace(old, `${START}\n\n${table}\n\n`));
  console.log(`${table}\n\nWritten to ${relative(ROOT, DOCUMENT)}.`);
}

if (import.meta.main) await main();
