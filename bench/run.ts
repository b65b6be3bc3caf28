/**
 * `npm run bench`: measures the hot paths of this tree beside another commit's, and says what changed beyond the noise.
 * See bench/regression/README.md.
 */
import { parseArgs } from "node:util";
import { buildIfStale } from "../scripts/build.ts";
import { ROOT } from "../scripts/paths.ts";
import { stopSignal } from "../scripts/stop-signal.ts";
import { HOT_PATHS } from "./regression/hot-paths.ts";
import type { Scale } from "./regression/take.ts";
import { takeFindings } from "./regression/take.ts";
import { buildTree, chooseBaseline } from "./regression/trees.ts";
import type { Report } from "./report.ts";
import { describeMachine, toText, writeReport } from "./report.ts";

const FULL: Scale = { blocks: 2, roundsPerBlock: 6, turnMs: 250, idlePairs: 6 };
/** Proves that everything works; its figures say nothing. */
const QUICK: Scale = { blocks: 1, roundsPerBlock: 1, turnMs: 50, idlePairs: 1 };

const { values } = parseArgs({
  options: {
    against: { type: "string" },
    alone: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    "fail-on-regression": { type: "boolean", default: false },
  },
});
const IDLE = "idle";
const known = [...HOT_PATHS.map(({ name }) => name), IDLE];
const wanted = values.only === "" ? known : values.only.split(",");
const unknown = wanted.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no path ${unknown.join(", ")}: ${known.join(", ")}.`);
  process.exit(2);
}

const startedMs = performance.now();
const say = (line: string) =>
  console.error(`${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${line}`);
const stop = new AbortController();
void stopSignal().then(() => stop.abort(new Error("It was interrupted.")));

let built: Awaited<ReturnType<typeof buildTree>> | undefined;
try {
  const baseline = values.alone ? "it was asked for so" : await chooseBaseline(ROOT, values.against);
  await buildIfStale();
  if (typeof baseline === "string") {
    say(`measuring this tree alone: ${baseline}`);
  } else {
    say(`building ${baseline.title} (${baseline.reason})`);
    built = await buildTree(ROOT, baseline, { say, signal: stop.signal });
  }
  const findings = await takeFindings({
    ours: ROOT,
    theirs: built?.directory,
    paths: HOT_PATHS.filter(({ name }) => wanted.includes(name)),
    withIdle: wanted.includes(IDLE),
    scale: values.quick ? QUICK : FULL,
    signal: stop.signal,
    say,
  });
  const report: Report = {
    takenAt: new Date().toISOString(),
    tookSeconds: Math.round((performance.now() - startedMs) / 1000),
    machine: describeMachine(),
    against: baseline,
    findings,
  };
  const path = await writeReport(report);
  console.log(toText(report));
  console.log(path);
  const isWorse = findings.some(({ verdict }) => verdict === "worse");
  process.exitCode = values["fail-on-regression"] && isWorse ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = stop.signal.aborted ? 130 : 2;
} finally {
  await built?.remove();
}
// Sockets of readers that were cut may still be closing; nobody waits for them.
process.exit();
