import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

/** Debian's own: its packages bring modules for no other. */
export const PYTHON = "/usr/bin/python3";

/**
 * Why tests that need a program cannot run here; undefined where they can. In CI a missing part is a failure: the tests
 * then run, and say so. See .ci/run.
 */
export function whyMissing(path: string): string | undefined {
  return existsSync(path) || process.env.CI ? undefined : `there is no ${path}`;
}

/** The same of a module of Python's. */
export async function whyNoModule(name: string): Promise<string | undefined> {
  if (process.env.CI) return undefined;
  try {
    await promisify(execFile)(PYTHON, ["-c", `import ${name}`]);
    return undefined;
  } catch {
    return `${PYTHON} has no module ${name}`;
  }
}

/** What a test's title says where it is skipped. */
export function orSkipped(title: string, why: string | undefined): string {
  return why === undefined ? title : `${title} (skipped: ${why})`;
}
