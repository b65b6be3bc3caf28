import { parseArgs } from "node:util";
import { within } from "./deadline.ts";
import { envelopeBytes, prepare } from "./everywire-client.ts";
import { measureIdleReaders } from "./idle-readers.ts";
import { maxOpenFiles } from "./process-usage.ts";
import type { Report } from "./report.ts";
import { describeMachine, toText, writeReport } from "./report.ts";
import type { Comparison, RoundOptions } from "./rounds.ts";
import { compareFanOut, comparePublishes, compareReads } from "./scenarios.ts";
import { startBare, startEverywire } from "./servers.ts";

interface Scale {
  readonly load: RoundOptions;
  readonly fanOut: RoundOptions;
  readonly idleReaders: number;
  readonly idleRounds: number;
}

const FULL: Scale = {
  load: { rounds: 7, roundMs: 1500 },
  fanOut: { rounds: 5, roundMs: 1500 },
  idleReaders: 5000,
  idleRounds: 3,
};
const QUICK: Scale = {
  load: { rounds: 3, roundMs: 800 },
  fanOut: { rounds: 3, roundMs: 800 },
  idleReaders: 1000,
  idleRounds: 1,
};
const STEP_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 20_000;
/** Files that the server has open for each reader, of either kind, as counted in /proc. */
const FILES_PER_READER = 2;
/** Files that a process has open beside its readers' connections. */
const SPARE_FILES = 200;

const { values } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string", default: "" } },
});
const scale = values.quick ? QUICK : FULL;
const isWanted = (name: string) => values.only === "" || values.only.split(",").includes(name);

const startedMs = performance.now();
const everywire = await startEverywire();
const prepared = await prepare(everywire.url);
const bare = await startBare({
  record: prepared.product,
  envelopeBytes: await envelopeBytes(everywire.url),
});
const contenders = { everywire, bare };
const comparisons: Comparison[] = [];
try {
  const steps: readonly { readonly name: string; readonly run: () => Promise<Comparison> }[] = [
    { name: "read", run: () => compareReads(contenders, prepared, scale.load) },
    { name: "publish", run: () => comparePublishes(contenders, 1, scale.load) },
    { name: "publish", run: () => comparePublishes(contenders, 16, scale.load) },
    { name: "fan-out", run: () => compareFanOut(contenders, "WebSocket", "closed loop", scale.fanOut) },
    { name: "fan-out", run: () => compareFanOut(contenders, "WebSocket", "paced", scale.fanOut) },
    { name: "fan-out", run: () => compareFanOut(contenders, "SSE", "closed loop", scale.fanOut) },
    { name: "fan-out", run: () => compareFanOut(contenders, "SSE", "paced", scale.fanOut) },
    { name: "fan-out", run: () => compareFanOut(contenders, "WebSocket", "saturated", scale.fanOut) },
    {
      name: "fan-out",
      run: () => compareFanOut(contenders, "WebSocket, batches", "saturated", scale.fanOut),
    },
    { name: "fan-out", run: () => compareFanOut(contenders, "SSE", "saturated", scale.fanOut) },
  ];
  for (const { name, run } of steps) {
    if (!isWanted(name)) continue;
    const comparison = await within(name, STEP_DEADLINE_MS, run());
    console.log(toText(comparison));
    comparisons.push(comparison);
  }
} finally {
  await within("Stopping", STOP_DEADLINE_MS, Promise.all([bare.stop(), everywire.stop()]));
}

// A server of its own: memory that an earlier load left behind would count as the readers'.
const idle = await startEverywire();
const filesForReaders = (maxOpenFiles() ?? Number.POSITIVE_INFINITY) - SPARE_FILES;
const allowed = Math.min(scale.idleReaders, filesForReaders / FILES_PER_READER);
const half = Math.floor(allowed / 2);
const idleReaders = isWanted("idle")
  ? await within(
      "idle",
      STEP_DEADLINE_MS,
      measureIdleReaders(idle, { eventStreams: half, sockets: half }, scale.idleRounds),
    )
  : [];
await within("Stopping", STOP_DEADLINE_MS, idle.stop());

const report: Report = {
  takenAt: new Date().toISOString(),
  tookSeconds: Math.round((performance.now() - startedMs) / 1000),
  command: values.quick ? "npm run bench -- --quick" : "npm run bench",
  machine: describeMachine(),
  comparisons,
  idleReaders,
};
const paths = await writeReport(report, { isPublished: !values.quick && values.only === "" });
for (const line of paths) console.log(line);
// Sockets of readers that were cut may still be closing; nobody waits for them.
process.exit();
