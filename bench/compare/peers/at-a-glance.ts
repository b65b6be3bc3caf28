import type { Chart, Part } from "../chapter.ts";
import type { Round, Standing } from "../interleave.ts";
import { medianOf } from "../interleave.ts";
import type { WorkFigures } from "./figures.ts";
import { OURS, rank } from "./ranking.ts";

/** Works whose rate says more than the CPU that they take: durable ones wait for the disk. */
const RATED = ["publish", "mqtt", "queue"];
/** Beyond this, the shortest bars of a linear scale cannot be told apart. */
const LINEAR_RANGE = 30;

/** All works in one table: Everywire beside the fastest of the others. */
export function toGlance(works: readonly WorkFigures[]): Part {
  return {
    title: "All works at a glance",
    paragraphs: ["Everywire beside the fastest of the others at each work."],
    tables: [
      {
        columns: ["work", "unit", "Everywire/s", "CPU, us", "the fastest other", "its rate/s", "its CPU, us"],
        rows: works.map((work) => {
          const ours = work.standings.find(({ name }) => name === OURS);
          const [best] = rank(work.standings.filter(({ name }) => name !== OURS));
          const theirs = work.standings.find(({ name }) => name === best?.name);
          return [
            work.title,
            work.unit,
            figureOf(ours, "perSecond"),
            figureOf(ours, "cpuUs"),
            best?.name,
            best?.perSecond,
            figureOf(theirs, "cpuUs"),
          ];
        }),
      },
    ],
    charts: [],
  };
}

/** A work's bars, one for each subject: its rate where that is what is asked of it, else the CPU that it takes. */
export function toWorkChart({ name, title, unit, standings }: WorkFigures): readonly Chart[] {
  const isRate = RATED.some((beginning) => name.startsWith(beginning));
  const label = isRate ? `${unit}/s` : "us of server CPU each";
  const groups = standings.flatMap((standing) => {
    const value = figureOf(standing, isRate ? "perSecond" : "cpuUs");
    return value === undefined || value <= 0 ? [] : [{ label: standing.name, bars: [{ label, value }] }];
  });
  if (groups.length === 0) return [];
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const isWide = Math.max(...values) / Math.min(...values) > LINEAR_RANGE;
  return [
    {
      name: `peers-${name}`,
      title: isRate ? `${title}: ${unit} a second` : `${title}: server CPU for each`,
      unit: label,
      scale: isWide ? "log" : "linear",
      isLowerBetter: !isRate,
      groups,
    },
  ];
}

function figureOf(standing: Standing | undefined, field: keyof Round): number | undefined {
  return standing === undefined ? undefined : medianOf(standing.rounds, field);
}
