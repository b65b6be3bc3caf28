import { join, resolve } from "node:path";

/** The repository: `serve` and `seed` start its scripts. */
export const ROOT = resolve(import.meta.dirname, "..", "..");

export function toScript(name: string): string {
  return join(ROOT, "scripts", name);
}
