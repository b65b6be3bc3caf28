import { join } from "node:path";
import { ROOT } from "./paths.ts";
import { run } from "./run.ts";

interface Step {
  readonly name: string;
  readonly command: string;
  readonly options: readonly string[];
}

/** What Deno runs, and so checks. */
const DENO_PROGRAMS = [
  join(ROOT, "gateway", "http3-main.ts"),
  join(ROOT, "tests", "conformance", "http3-client.ts"),
  join(ROOT, "bench", "compare", "doors", "webtransport-relay.ts"),
  join(ROOT, "tests", "conformance", "webtransport-relay.ts"),
];

const STEPS: readonly Step[] = [
  { name: "format and lint", command: "biome", options: ["check", "--error-on-warnings", "."] },
  { name: "layers and cycles", command: "node", options: [join(ROOT, "scripts", "check-layers.ts")] },
  { name: "types of the Worker", command: "tsc", options: ["-p", "tsconfig.json"] },
  { name: "types of scripts and tests", command: "tsc", options: ["-p", "tsconfig.node.json"] },
  { name: "types of the page and its client", command: "tsc", options: ["-p", "tsconfig.web.json"] },
  { name: "types of tests in workerd", command: "tsc", options: ["-p", "tests/durable-objects"] },
  {
    name: "types of what Deno runs",
    command: "deno",
    options: ["check", "--quiet", "--no-lock", "--unstable-net", ...DENO_PROGRAMS],
  },
  { name: "unused code", command: "knip", options: ["--no-progress"] },
];

/** Everything that can be said of the sources without running them. Gives the names of the steps that failed. */
export async function check(): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const { name, command, options } of STEPS) {
    console.log(`check: ${name}`);
    // All of them, not up to the first that fails: who mends one wants to know of the others.
    if (!(await run(command, options, { timeoutMs: 120_000 }))) failed.push(name);
  }
  if (failed.length > 0) console.error(`check: failed: ${failed.join(", ")}`);
  return failed;
}

if (import.meta.main && (await check()).length > 0) process.exitCode = 1;
