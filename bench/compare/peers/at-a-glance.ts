import type { Chart, Part } from "../chapter.ts";
import type { Round, Standing } from "../interleave.ts";
import { medianOf } from "../interleave.ts";
import type { WorkFigures } from "./figures.ts";
import { OURS, rank } from "./ranking.ts";

/** Works that are shown in one chart, since they are of one kind. */
interface Family {
  readonly name: string;
  readonly title: string;
  readonly works: readonly string[];
  readonly field: "perSecond" | "cpuUs";
  readonly unit: string;
}

const FAMILIES: readonly Family[] = [
  {
    name: "calls",
    title: "Server CPU for one call",
    works: ["read", "graphql", "grpc", "connect", "grpc-web", "json-rpc"],
    field: "cpuUs",
    unit: "us",
  },
  {
    name: "publish",
    title: "Events published and acknowledged a second",
    works: ["publish-1", "publish-32"],
    field: "perSecond",
    unit: "events/s",
  },
  {
    name: "fan-out",
    title: "Server CPU for one delivery",
    works: ["fan-out-websocket", "fan-out-sse", "offered-websocket", "offered-sse"],
    field: "cpuUs",
    unit: "us",
  },
  {
    name: "mqtt",
    title: "MQTT messages a second",
    works: ["mqtt-qos0-tcp", "mqtt-qos1-tcp", "mqtt-qos0-websocket", "mqtt-qos1-websocket"],
    field: "perSecond",
    unit: "messages/s",
  },
  {
    name: "queue",
    title: "Messages put in, taken out and acknowledged a second",
    works: ["queue"],
    field: "perSecond",
    unit: "messages/s",
  },
];

/** All works in one table and a few charts: Everywire beside the fastest of the others. */
export function toGlance(works: readonly WorkFigures[]): Part {
  return {
    title: "All works at a glance",
    paragraphs: [
      "Everywire beside the fastest of the others at each work. Scales are logarithmic: a bar that is a little longer may be twice as much.",
    ],
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
    charts: FAMILIES.flatMap((family) => toChart(family, works)),
  };
}

function toChart({ name, title, works: names, field, unit }: Family, works: readonly WorkFigures[]): Chart[] {
  const groups = works
    .filter((work) => names.includes(work.name))
    .map((work) => ({
      label: work.title,
      bars: work.standings.flatMap((standing) => {
        const value = figureOf(standing, field);
        return value === undefined || value <= 0 ? [] : [{ label: standing.name, value }];
      }),
    }))
    .filter(({ bars }) => bars.length > 0);
  if (groups.length === 0) return [];
  return [{ name: `peers-${name}`, title, unit, scale: "log", isLowerBetter: field === "cpuUs", groups }];
}

function figureOf(standing: Standing | undefined, field: keyof Round): number | undefined {
  return standing === undefined ? undefined : medianOf(standing.rounds, field);
}
