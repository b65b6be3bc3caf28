import { readFileSync } from "node:fs";

/** The files beside a bundle that it imports as text; the bundler names those by their hash. */
export function listTextImports(bundle: string): readonly string[] {
  const imports = readFileSync(bundle, "utf8").matchAll(/^import \w+ from "\.\/([0-9a-f]{40}-[^"]+)";$/gm);
  return Array.from(imports, ([, name]) => name ?? "");
}
