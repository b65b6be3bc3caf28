import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ICruiseResult } from "dependency-cruiser";
import { cruise } from "dependency-cruiser";
import { LAYERS } from "./layers.ts";
import { ROOT } from "./paths.ts";

const TREES = [
  "worker.ts",
  "composition",
  "deno.ts",
  "core",
  "wire",
  "guide",
  "functions",
  "durable-objects",
  "services",
  "proto",
  "local",
  "gateway",
  "clients",
  "web",
  "bench",
  "scripts",
  "self-host",
  "tests",
];

export interface Violation {
  readonly rule: string;
  readonly why: string;
  /** The import that breaks the rule; for a cycle, the whole way round. */
  readonly path: readonly string[];
}

/** Checks the sources under `root` against the layers, imports of types included. */
export async function findViolations(root: string): Promise<readonly Violation[]> {
  const { output } = await cruise(
    TREES.filter((tree) => existsSync(join(root, tree))),
    {
      baseDir: root,
      validate: true,
      ruleSet: { forbidden: [...LAYERS] },
      doNotFollow: { path: "node_modules" },
      // Looks at the sources before types are stripped from them.
      tsPreCompilationDeps: true,
    },
    { extensions: [".ts", ".tsx", ".mjs", ".js"], conditionNames: ["workerd", "import", "types"] },
  );
  const { modules, summary } = output as ICruiseResult;
  // Where the parser is missing, dependency-cruiser sees no file and finds no fault.
  if (modules.length === 0)
    throw new Error("dependency-cruiser read no file; `npm ci` may have been cut short.");
  return summary.violations.map(({ rule, from, to, cycle }) => ({
    rule: rule.name,
    why: LAYERS.find(({ name }) => name === rule.name)?.comment ?? "",
    path: [from, ...(cycle?.map((step) => step.name) ?? [to])],
  }));
}

if (import.meta.main) {
  const violations = await findViolations(ROOT);
  for (const { rule, why, path } of violations) console.error(`${rule}: ${path.join(" -> ")}\n  ${why}\n`);
  if (violations.length > 0) process.exitCode = 1;
}
