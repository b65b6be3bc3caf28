import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Lab, Telling } from "./chapter.ts";
import { describeFloor } from "./floor/describe.ts";
import { measureFloor } from "./floor/measure.ts";
import { onInterruption } from "./interruption.ts";
import { describePeers } from "./peers/describe.ts";
import { measurePeers } from "./peers/measure.ts";

/**
 * The chapters `floor` and `peers` by themselves, as plain lines:
 * `node bench/compare/run-alone.ts floor|peers [--quick] [--works a,b] [--subjects A,B] [--to figures.json]`.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    works: { type: "string" },
    subjects: { type: "string" },
    to: { type: "string" },
  },
});
const stopped = new AbortController();
onInterruption(() => stopped.abort(new Error("Interrupted.")));
const startedMs = performance.now();
let label = "";
const lab: Lab = {
  isQuick: values.quick,
  signal: stopped.signal,
  progress: (done, now) => {
    if (now === label) return;
    label = now;
    console.error(
      `${Math.round((performance.now() - startedMs) / 1000)} s, ${Math.round(done * 100)} %: ${now}`,
    );
  },
};
const works = values.works?.split(",");
const subjects = values.subjects?.split(",");
if (positionals[0] === "floor") {
  const figures = await measureFloor(lab, works);
  print(figures, describeFloor(figures));
} else {
  const only = { ...(works === undefined ? {} : { works }), ...(subjects === undefined ? {} : { subjects }) };
  const figures = await measurePeers(lab, only);
  print(figures, describePeers(figures));
}
console.log(`${Math.round((performance.now() - startedMs) / 1000)} s`);
process.exit();

function print(figures: unknown, { findings, parts }: Telling): void {
  if (values.to !== undefined) writeFileSync(values.to, JSON.stringify(figures, null, 1));
  for (const { title, paragraphs, tables } of parts) {
    console.log(`\n${title}\n  ${paragraphs.join("\n  ")}`);
    for (const { columns, rows } of tables) {
      for (const row of [columns, ...rows]) console.log(`  | ${row.map(toCell).join(" | ")}`);
    }
  }
  console.log(`\n${findings.join("\n")}`);
}

function toCell(cell: string | number | undefined): string {
  return typeof cell === "number" ? cell.toPrecision(3) : (cell ?? "-");
}
