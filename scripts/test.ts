import { readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "./build.ts";
import { check } from "./check.ts";
import { BUNDLE, ROOT } from "./paths.ts";
import { run } from "./run.ts";
import { StartError } from "./start-error.ts";
import type { TestCounts } from "./test-counts.ts";
import { countTests, formatCounts } from "./test-counts.ts";

/** All tests together, so that a run that hangs says so before whoever waits for it gives up. */
const TIMEOUT_MS = 600_000;

const REPORT = join(dirname(BUNDLE), "test-report.json");

// Programs that tests start strip their types once, and not at every start.
process.env.NODE_COMPILE_CACHE ??= join(ROOT, "node_modules", ".cache", "node");

const failedChecks = await check();
const { passed, failed, skipped } = await runTests();
// The line stands alone at the end for whoever reads only that; so each failed check is in it as a failure.
const counts = { passed, failed: failed + failedChecks.length, skipped };
console.log(formatCounts(counts));
process.exit(counts.failed === 0 ? 0 : 1);

async function runTests(): Promise<TestCounts> {
  try {
    await build();
  } catch (error) {
    // Nothing could be run against it.
    console.error(error instanceof StartError ? error.message : error);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  rmSync(REPORT, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${REPORT}`];
  const hasSucceeded = await run("vitest", ["run", ...reporters, ...process.argv.slice(2)], {
    timeoutMs: TIMEOUT_MS,
  });
  return countTests(readReport(), hasSucceeded);
}

function readReport(): unknown {
  try {
    return JSON.parse(readFileSync(REPORT, "utf8"));
  } catch {
    return undefined;
  }
}
