import type { Output, Style } from "../output.ts";
import { pad, widthOf } from "../output.ts";
import type { LaneReport, LaneState } from "./lane.ts";

const STYLES: Readonly<Record<LaneState, Style>> = {
  connecting: "dim",
  live: "green",
  lost: "yellow",
  failed: "red",
};
const HEADINGS = [
  "door",
  "state",
  "events",
  "missing",
  "last ms",
  "p50 ms",
  "p99 ms",
  "bytes/event",
  "",
] as const;
const BAR_WIDTH = 16;

/** The lanes as a table, the quickest first. */
export function renderTable(
  lanes: readonly LaneReport[],
  published: number,
  output: Output,
): readonly string[] {
  const rank = ({ p50Ms }: LaneReport) => p50Ms ?? Number.POSITIVE_INFINITY;
  const sorted = lanes.toSorted((a, b) => rank(a) - rank(b));
  const slowest = Math.max(...lanes.map(({ p50Ms }) => p50Ms ?? 0), 1);
  const rows = sorted.map((lane) => {
    const missing = lane.state === "failed" ? "" : String(Math.max(0, published - lane.received));
    return [
      output.style("bold", lane.door),
      output.style(STYLES[lane.state], lane.state),
      String(lane.received),
      missing === "0" || missing === "" ? missing : output.style("yellow", missing),
      toNumber(lane.lastMs, 1),
      toNumber(lane.p50Ms, 1),
      toNumber(lane.p99Ms, 1),
      toNumber(lane.bytesPerEvent, 0),
      lane.error === undefined ? toBar(lane.p50Ms, slowest) : output.style("dim", lane.error),
    ];
  });
  const all = [HEADINGS.map((heading) => output.style("dim", heading)), ...rows];
  const widths = HEADINGS.map((_, column) =>
    column === HEADINGS.length - 1 ? 0 : Math.max(...all.map((row) => widthOf(row[column] ?? ""))),
  );
  return all.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0, column < 2 || column === 8 ? "left" : "right"))
      .join("  ")
      .trimEnd(),
  );
}

function toNumber(value: number | null, digits: number): string {
  return value === null ? "" : value.toFixed(digits);
}

/** On a scale of logarithms: a poll is a hundred times slower than a socket, and both are to be seen. */
function toBar(p50Ms: number | null, slowestMs: number): string {
  if (p50Ms === null) return "";
  const part = Math.log1p(p50Ms) / Math.log1p(slowestMs);
  return "▇".repeat(Math.max(1, Math.round(part * BAR_WIDTH)));
}
