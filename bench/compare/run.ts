/**
 * `npm run compare`: takes the chapters of the comparison and writes the report. See bench/README.md.
 *
 * `--only doors,peers` takes those chapters and keeps the figures of the others; `--quick` proves that everything works, and
 * writes to bench/results/comparison; `--tell` writes the report again from the kept figures; `--out` names another folder.
 */
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "../../scripts/paths.ts";
import type { Chapter } from "./chapter.ts";
import { CHAPTERS } from "./chapters.ts";
import { onInterruption } from "./interruption.ts";
import type { KeptChapter } from "./kept.ts";
import { readKept } from "./kept.ts";
import { describeMachine } from "./machine.ts";
import { Progress } from "./progress.ts";
import { placeReport, writeReport } from "./report.ts";

/** After a signal a chapter may take so long to stop what it has started. */
const STOP_DEADLINE_MS = 15_000;
/** A chapter that takes so many times its budget is stuck. */
const OVERDUE = 3;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    tell: { type: "boolean", default: false },
    out: { type: "string", default: "" },
  },
});
const names = values.only.split(",").filter((name) => name !== "");
const unknown = names.filter((name) => !CHAPTERS.some((chapter) => chapter.name === name));
if (unknown.length > 0) {
  const known = CHAPTERS.map((chapter) => chapter.name).join(", ");
  console.error(`There is no chapter ${unknown.join(", ")}: ${known}.`);
  process.exit(2);
}
const usual = values.quick ? join("bench", "results", "comparison") : join("docs", "comparison");
const directory = values.out === "" ? join(ROOT, usual) : resolve(values.out);
const kept = readKept(join(directory, "figures.json"));
const wanted = values.tell
  ? []
  : CHAPTERS.filter((chapter) => names.length === 0 || names.includes(chapter.name));

const stop = new AbortController();
let hasFailed = false;
const chapters: Record<string, KeptChapter> = { ...kept.chapters };
const progress = new Progress(
  process.stderr,
  wanted.reduce((sum, chapter) => sum + chapter.budgetSeconds, 0),
);
onInterruption((signal) => {
  // A terminal signals the whole group, and npm passes it on: the second must not cut the stopping short.
  if (stop.signal.aborted) return;
  progress.say(`${signal}: stopping what runs. The last report stays as it is.`);
  stop.abort(new Error("It was interrupted."));
  // What was started ends with this process, however that ends (scripts/end-with-parent.ts).
  setTimeout(() => process.exit(130), STOP_DEADLINE_MS).unref();
});
for (const chapter of wanted) {
  chapters[chapter.name] = await take(chapter);
  if (stop.signal.aborted) process.exit(130);
}
placeReport(writeReport({ chapters }, CHAPTERS), directory);
console.log(relative(process.cwd(), join(directory, "report.md")));
// Sockets of readers that were cut may still be closing; nobody waits for them.
process.exit(hasFailed ? 1 : 0);

/** One chapter's figures, or why there are none: the others go on. */
async function take(chapter: Chapter<unknown>): Promise<KeptChapter> {
  const startedMs = performance.now();
  const takenAt = new Date().toISOString();
  const tookSeconds = () => Math.round((performance.now() - startedMs) / 1000);
  progress.startChapter(chapter.title, chapter.budgetSeconds);
  const overdue = AbortSignal.timeout(chapter.budgetSeconds * OVERDUE * 1000);
  const signal = AbortSignal.any([stop.signal, overdue]);
  try {
    const figures = await chapter.measure({
      isQuick: values.quick,
      signal,
      progress: (done, label) => progress.update(done, label),
    });
    signal.throwIfAborted();
    progress.say(`${chapter.title}: taken in ${tookSeconds()} s.`);
    return {
      takenAt,
      tookSeconds: tookSeconds(),
      isQuick: values.quick,
      machine: describeMachine(),
      figures,
    };
  } catch (thrown) {
    hasFailed = true;
    const failure = thrown instanceof Error ? thrown.message : String(thrown);
    progress.say(`${chapter.title}: ${stop.signal.aborted ? "interrupted" : failure}`);
    if (!stop.signal.aborted && thrown instanceof Error) progress.say(thrown.stack ?? "");
    return { takenAt, tookSeconds: tookSeconds(), failure };
  }
}
