import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The newest date in a tree, folders included: removing a file only changes its folder. Zero where nothing is. */
export function lastChangeMs(path: string): number {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return 0;
  if (!status.isDirectory()) return status.mtimeMs;
  // wrangler works in a hidden folder beside the configuration, and every build changes that.
  const names = readdirSync(path).filter((name) => !name.startsWith("."));
  return Math.max(status.mtimeMs, ...names.map((name) => lastChangeMs(join(path, name))));
}
