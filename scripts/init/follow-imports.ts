import { readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";
import { StartError } from "../start-error.ts";

/** What a program is made of. */
export interface Followed {
  /** Files, relative to the root that they are in; those that it began with are not among them. */
  readonly files: readonly string[];
  /** Packages from npm. */
  readonly packages: readonly string[];
}

/**
 * Follows every import from some sources: those of types too, since a project is to be checked, and not only to run.
 *
 * @param sources texts by path, relative to the root; they need not be there
 * @param root where all the rest is
 * @throws StartError where an import leads nowhere
 */
export function followImports(sources: ReadonlyMap<string, string>, root: string): Followed {
  const packages = new Set<string>();
  const files = new Set<string>();
  const waiting = Array.from(sources);
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [path, text] = next;
    for (const { fileName: name } of ts.preProcessFile(text, true, true).importedFiles) {
      if (!name.startsWith(".")) {
        if (!/^(node|cloudflare):/.test(name)) packages.add(toPackage(name));
        continue;
      }
      const file = normalize(join(dirname(path), name));
      if (files.has(file) || sources.has(file)) continue;
      if (file.startsWith("..") || statSync(join(root, file), { throwIfNoEntry: false }) === undefined) {
        throw new StartError(`${path} imports ${name}, which is not there.`);
      }
      files.add(file);
      if (/\.(ts|tsx|mjs)$/.test(file)) waiting.push([file, readFileSync(join(root, file), "utf8")]);
    }
  }
  return { files: [...files].sort(), packages: [...packages].sort() };
}

function toPackage(name: string): string {
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/");
}
