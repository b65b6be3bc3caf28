import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Chapter, Part, Telling } from "./chapter.ts";
import { drawChart } from "./chart.ts";
import type { Kept, KeptChapter } from "./kept.ts";
import type { Machine } from "./machine.ts";
import { toMarkdownTable } from "./markdown.ts";

/** Names of files, each with its content. */
export type Report = Readonly<Record<string, string>>;

interface Told {
  readonly chapter: Chapter<unknown>;
  readonly kept: KeptChapter | undefined;
  readonly telling: Telling | undefined;
}

/**
 * Writes the report from what is kept: `report.md`, its charts, and `figures.json` itself. A chapter without figures is
 * in it with the reason.
 */
export function writeReport(kept: Kept, chapters: readonly Chapter<unknown>[]): Report {
  const told = chapters.map((chapter): Told => {
    const own = kept.chapters[chapter.name];
    const telling = own !== undefined && "figures" in own ? chapter.describe(own.figures) : undefined;
    return { chapter, kept: own, telling };
  });
  const charts = told.flatMap(({ telling }) => telling?.parts.flatMap((part) => part.charts) ?? []);
  return {
    ...Object.fromEntries(charts.map((chart) => [`${chart.name}.svg`, drawChart(chart)])),
    "report.md": `${[...firstPage(told), ...told.flatMap(toChapter)].join("\n\n")}\n`,
    "figures.json": `${JSON.stringify(kept, undefined, 1)}\n`,
  };
}

/**
 * Puts a report into its folder, each file whole and at once, and takes away charts that are no longer in it. It does not
 * wait for anything, so that no signal comes between two of its files.
 */
export function placeReport(report: Report, directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries(report))
    writeFileSync(join(directory, `.${name}.new`), content);
  for (const name of Object.keys(report)) renameSync(join(directory, `.${name}.new`), join(directory, name));
  for (const name of readdirSync(directory)) {
    if (name.endsWith(".svg") && !(name in report)) rmSync(join(directory, name));
  }
}

function firstPage(told: readonly Told[]): readonly string[] {
  const missing = told.flatMap(({ chapter, kept, telling }) => {
    if (telling !== undefined) return telling.missing ?? [];
    const why = kept !== undefined && "failure" in kept ? kept.failure : "it was not asked for.";
    return [`The chapter "${chapter.title}" was not taken: ${why}`];
  });
  return [
    "# The comparison",
    "Written by `npm run compare`; not to be edited. Every number below comes from a run of it: [figures.json](figures.json) has all of them, and [README.md](README.md) says how to read them, and how to take them again with other tools.",
    describeRuns(told),
    "## Which protocol for which work",
    ...told.flatMap(({ telling }) =>
      telling?.choices === undefined ? [] : [toMarkdownTable(telling.choices)],
    ),
    ...told.flatMap(({ chapter, telling }) =>
      telling === undefined || telling.findings.length === 0
        ? []
        : [`**${chapter.title}**\n\n${toList(telling.findings)}`],
    ),
    ...(missing.length === 0 ? [] : ["## What this run could not take", toList(missing)]),
  ];
}

function describeRuns(told: readonly Told[]): string {
  return toList(
    told.flatMap(({ chapter, kept }) => {
      if (kept === undefined || !("figures" in kept)) return [];
      const quick = kept.isQuick
        ? " **A quick run, which proves that everything works: its figures are of no use.**"
        : "";
      return `${chapter.title}: taken on ${kept.takenAt} in ${kept.tookSeconds} s, on ${describe(kept.machine)}.${quick}`;
    }),
  );
}

function describe({ processor, cores, memoryGib, system, versions }: Machine): string {
  const names = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${cores} cores of ${processor}, ${memoryGib} GiB, ${system}; ${names.join(", ")}`;
}

function toChapter({ chapter, telling }: Told): readonly string[] {
  if (telling === undefined) return [];
  return [`## ${chapter.title}`, ...telling.parts.flatMap(toPart)];
}

function toPart({ title, paragraphs, tables, charts }: Part): readonly string[] {
  return [
    `### ${title}`,
    ...paragraphs,
    ...charts.map((chart) => `![${chart.title}](${chart.name}.svg)`),
    ...tables.map(toMarkdownTable),
  ];
}

function toList(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}
