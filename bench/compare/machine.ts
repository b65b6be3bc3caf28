import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../scripts/paths.ts";

/** What a run ran on, and what of it makes the figures; without what would tell whose machine it is. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly versions: Readonly<Record<string, string>>;
}

const PACKAGES = ["workerd", "miniflare"] as const;

/** Says what this run runs on. */
export function describeMachine(): Machine {
  const cores = cpus();
  return {
    processor: cores[0]?.model.trim() ?? "unknown processor",
    cores: cores.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    versions: {
      everywire: versionOf(join(ROOT, "package.json")),
      node: process.versions.node,
      ...Object.fromEntries(
        PACKAGES.map((name) => [name, versionOf(join(ROOT, "node_modules", name, "package.json"))]),
      ),
    },
  };
}

function versionOf(path: string): string {
  return (JSON.parse(readFileSync(path, "utf8")) as { readonly version: string }).version;
}
