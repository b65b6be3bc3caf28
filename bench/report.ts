import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { ROOT } from "../scripts/paths.ts";
import type { IdleReaders } from "./idle-readers.ts";
import { maxOpenFiles } from "./process-usage.ts";
import type { Comparison } from "./rounds.ts";

export interface Report {
  readonly takenAt: string;
  readonly tookSeconds: number;
  readonly command: string;
  readonly machine: string;
  readonly comparisons: readonly Comparison[];
  readonly idleReaders: readonly IdleReaders[];
}

const RESULTS = join("bench", "results");
const PAGE = join("docs", "benchmarks.md");

/** The machine, as far as the figures depend on it. */
export function describeMachine(): string {
  const [first] = cpus();
  const gib = Math.round(totalmem() / 1024 ** 3);
  const files = maxOpenFiles();
  return `${cpus().length} x ${first?.model.trim() ?? "unknown"}, ${gib} GiB, ${type()} ${release()}${files === undefined ? "" : `, ${files} open files`}`;
}

/** Writes the results as JSON, and where the run was a whole one the page too. Gives what was written. */
export async function writeReport(
  report: Report,
  { isPublished }: { readonly isPublished: boolean },
): Promise<readonly string[]> {
  const results = join(RESULTS, `${report.takenAt.replaceAll(":", "-")}.json`);
  await mkdir(join(ROOT, RESULTS), { recursive: true });
  await writeFile(join(ROOT, results), `${JSON.stringify(report, null, 2)}\n`);
  if (!isPublished) return [results];
  await writeFile(join(ROOT, PAGE), await toPage(report));
  return [results, PAGE];
}

const COLUMNS = ["", "per second", "server CPU, us", "p50, ms", "p99, ms"];
const RATIO_COLUMNS = ["Everywire to", "server CPU", "throughput", "p50", "p99"];

/** A comparison, as tables of Markdown, which are easy to read as they are. */
export function toText({ title, sides, ratios }: Comparison): string {
  const sideRows = sides.map(({ name, perSecond, cpuUs, p50Ms, p99Ms }) => [
    name,
    number(perSecond),
    cpuUs === undefined ? "-" : number(cpuUs),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
  ]);
  const ratioRows = ratios.map(({ against, cpu, throughput, p50, p99 }) => [
    against,
    ...[cpu, throughput, p50, p99].map((ratio) => (ratio === undefined ? "-" : `${ratio.toFixed(2)}x`)),
  ]);
  return `### ${title}\n\n${table(COLUMNS, sideRows)}\n${table(RATIO_COLUMNS, ratioRows)}`;
}

function idleText(rounds: readonly IdleReaders[]): string {
  const rows = rounds.map((round) => [
    String(round.round),
    `${round.received} of ${round.eventStreams + round.sockets}`,
    number(round.lastAfterMs),
    mib(round.before),
    mib(round.open),
    mib(round.afterEvent),
    mib(round.left),
    (round.goneAfterMs / 1000).toFixed(1),
    round.open === undefined || round.before === undefined
      ? "-"
      : ((round.open - round.before) / 1024 / (round.eventStreams + round.sockets)).toFixed(1),
  ]);
  const columns = [
    "round",
    "received",
    "last after, ms",
    "before, MiB",
    "open, MiB",
    "after the event, MiB",
    "left, MiB",
    "all gone after, s",
    "KiB per reader",
  ];
  return table(columns, rows);
}

async function toPage(report: Report): Promise<string> {
  const versions = await readVersions();
  const [first] = report.idleReaders;
  return `# Benchmarks

Written by \`${report.command}\`; not to be edited. Taken on ${report.takenAt.slice(0, 10)} in ${report.tookSeconds} s, on
${report.machine}; ${versions}.

Each table compares Everywire, served as \`npm start\` serves it (without rate limits), with a bare workerd
(\`bench/bare-worker.js\`): no framework, no identity, no limits, the same work on storage and sockets, the same bytes
stored and sent (the bare side answers and frames with less: no headers of its own, no \`id:\` and \`event:\` lines). Both
run at once, in interleaved rounds, and the ratio is the median over the rounds of the ratio within each. A ratio says how
much more Everywire takes, so 1.00x is the same and lower is better; for throughput it is the other's rate for one of
ours. Server CPU is what the kernel counted for the workerd process, for one operation. The load generator runs on the
same machine, so rates and latencies are of two processes that share its cores.

${report.comparisons.map(toText).join("\n")}
### ${first === undefined ? "" : `${first.eventStreams} SSE and ${first.sockets} WebSocket readers on one channel, idle`}

Each round opens the readers, publishes one event, and lets all of them leave. An SSE reader's leaving shows when a
heartbeat cannot be written, so a round ends when the server has closed every connection. Memory is the resident set of
workerd, and a reader's share of it is what the first round added: what readers leave behind is garbage until V8 collects
it, which under little load is late, and memory that the allocator keeps for the next round. To tell that from a leak,
force a collection between rounds through the inspector (\`HeapProfiler.collectGarbage\`).

${idleText(report.idleReaders)}`;
}

async function readVersions(): Promise<string> {
  const own = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as {
    version: string;
    devDependencies: Readonly<Record<string, string>>;
  };
  const { workerd, miniflare } = own.devDependencies;
  return `Everywire ${own.version}, workerd ${workerd}, Miniflare ${miniflare}, Node ${process.versions.node}`;
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = columns.map((_, index) => (index === 0 ? "---" : "---:"));
  return [columns, rule, ...rows].map(line).join("");
}

function number(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

function mib(bytes: number | undefined): string {
  return bytes === undefined ? "-" : number(bytes / 1024 ** 2);
}
