import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../../scripts/paths.ts";

let output: string;
beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), "everywire-proto-"));
});
afterAll(() => rm(output, { recursive: true }));

function buf(...options: readonly string[]) {
  const bin = join(ROOT, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` };
  return promisify(execFile)(join(bin, "buf"), [...options], { cwd: ROOT, env });
}

async function readTree(root: string): Promise<Record<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = async (path: string) => [path.slice(root.length), await readFile(path, "utf8")] as const;
  return Object.fromEntries(await Promise.all(files.sort().map(read)));
}

describe("proto/", () => {
  it("passes the lint rules of buf, and is formatted", async () => {
    await buf("lint");
    expect((await buf("format", "--diff", "--path", "proto/everywire")).stdout).toBe("");
  });

  it("has in proto/gen what buf generates from it, no more and no less", async () => {
    await buf("generate", "--output", output);
    const generated = await readTree(join(output, "proto", "gen"));
    expect(Object.keys(generated).length).toBeGreaterThan(5);
    expect(await readTree(join(ROOT, "proto", "gen"))).toEqual(generated);
  });
});
