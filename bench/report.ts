import { mkdir, writeFile } from "node:fs/promises";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { ROOT } from "../scripts/paths.ts";
import type { Baseline } from "./regression/trees.ts";
import type { Finding } from "./regression/verdict.ts";
import { CONFIDENCE, LEAST_CHANGE } from "./regression/verdict.ts";

/** A run of `npm run bench`; plain JSON. */
export interface Report {
  readonly takenAt: string;
  readonly tookSeconds: number;
  readonly machine: string;
  /** What this tree was measured against, or why against nothing. */
  readonly against: Baseline | string;
  readonly findings: readonly Finding[];
}

const RESULTS = join("bench", "results");

/** The machine, as far as the figures depend on it. */
export function describeMachine(): string {
  const [first] = cpus();
  const gib = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} x ${first?.model.trim() ?? "unknown"}, ${gib} GiB, ${type()} ${release()}`;
}

/** Writes the run to `bench/results/`, and gives the file's name. */
export async function writeReport(report: Report): Promise<string> {
  const path = join(RESULTS, `${report.takenAt.replaceAll(":", "-")}.json`);
  await mkdir(join(ROOT, RESULTS), { recursive: true });
  await writeFile(join(ROOT, path), `${JSON.stringify(report, null, 2)}\n`);
  return path;
}

/** The run as a table of Markdown, which is easy to read as it is, and what it says. */
export function toText({ against, findings, machine, tookSeconds }: Report): string {
  const header =
    typeof against === "string"
      ? `This tree alone: ${against}.`
      : `This tree against ${against.title} (${against.reason}).`;
  const isAlone = typeof against === "string";
  const columns = [
    "",
    "",
    "this tree",
    ...(isAlone ? [] : ["that commit", "change", "interval"]),
    "bare workerd",
  ];
  const rows = findings.map((finding) => [
    finding.title,
    finding.unit,
    toFigure(finding.ours),
    ...(isAlone ? [] : [toFigure(finding.theirs), toChange(finding), toRange(finding)]),
    toFigure(finding.bare),
  ]);
  const say = isAlone ? "" : `\n${describeChanges(findings).join("\n")}\n`;
  return `${header}\n\n${table(columns, rows)}${say}\n${tookSeconds} s on ${machine}`;
}

/** A sentence for each change beyond the noise, or one that there is none. */
export function describeChanges(findings: readonly Finding[]): readonly string[] {
  const changes = findings.filter(({ verdict }) => verdict === "better" || verdict === "worse");
  const least = Object.entries(LEAST_CHANGE).map(([unit, part]) => `${unit} ${part * 100}%`);
  const rule = `the ${CONFIDENCE * 100}% interval of the sign test leaves 0 out, and the change is at least ${least.join(", ")}`;
  if (changes.length === 0) return [`Nothing changed beyond the noise (a change is named where ${rule}).`];
  return [
    `Changed beyond the noise (${rule}):`,
    ...changes.map(
      (finding) => `- ${finding.verdict}: ${finding.title}, ${finding.unit}: ${toChange(finding)}`,
    ),
  ];
}

function toChange({ ratio, verdict }: Finding): string {
  if (ratio === undefined) return "-";
  return `${toPercent(ratio.median)}${verdict === "same" ? "" : ` ${verdict}`}`;
}

function toRange({ ratio }: Finding): string {
  if (ratio === undefined) return "-";
  const range = `${toPercent(ratio.low)} to ${toPercent(ratio.high)}`;
  return ratio.confidence >= CONFIDENCE ? range : `${range} (${(ratio.confidence * 100).toFixed(0)}%)`;
}

function toPercent(ratio: number): string {
  const percent = ((ratio - 1) * 100).toFixed(1);
  return `${ratio >= 1 ? "+" : ""}${percent}%`;
}

function toFigure(value: number | undefined): string {
  if (value === undefined) return "-";
  return value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |\n`;
  const rule = columns.map((_, index) => (index < 2 ? "---" : "---:"));
  return [columns, rule, ...rows].map(line).join("");
}
