import type { Chart, Table, Telling } from "../chapter.ts";
import type { Round } from "../interleave.ts";
import { medianOf, otherCoresOf, ratioOf } from "../interleave.ts";
import { listed, quantity, times, toDisturbance } from "../phrases.ts";
import type { DoorFigures, FloorFigures } from "./figures.ts";

/** What is aimed at where operations come one by one: CPU of ours for one of the floor's. */
const AIM = 1.3;

/** What the figures say; a door that was not measured is in no sentence. */
export function describeFloor({ doors }: FloorFigures): Telling {
  const failed = doors.flatMap(({ title, ours, floor }) =>
    [ours, floor].flatMap(({ name, failure }) =>
      failure === undefined ? [] : [`${title}, ${name}: ${failure}`],
    ),
  );
  return {
    missing: failed,
    findings: [...toOverheadFindings(doors), ...toLoadFindings(doors)],
    parts: [
      {
        title: "Everywire beside a bare runtime",
        paragraphs: [
          "The floor is workerd alone, doing the same work on storage and sockets with no framework, no identity, no limits and no validation, with as many bytes stored and sent " +
            "(`bench/bare-worker.js`). Both run at once and are asked in turn; a ratio is taken within each round, and the median of the rounds is what counts. " +
            `CPU is of the runtime's process, for one operation. The aim for operations that come one by one is a ratio of ${AIM} at most; under load it is to be well past the floor.`,
          ...toDisturbance(otherCoresOf(doors.flatMap(({ ours, floor }) => [ours, floor]))),
          ...failed,
        ],
        tables: [
          {
            columns: [
              "door",
              "unit",
              "Everywire/s",
              "floor/s",
              "rate, times the floor's",
              "Everywire, CPU us",
              "floor, CPU us",
              "CPU, times the floor's",
              "Everywire, p50 ms",
              "floor, p50 ms",
            ],
            rows: doors.map((door) => [
              door.title,
              door.unit,
              medianOf(door.ours.rounds, "perSecond"),
              medianOf(door.floor.rounds, "perSecond"),
              toRatio(door, "perSecond"),
              medianOf(door.ours.rounds, "cpuUs"),
              medianOf(door.floor.rounds, "cpuUs"),
              toRatio(door, "cpuUs"),
              medianOf(door.ours.rounds, "p50Ms"),
              medianOf(door.floor.rounds, "p50Ms"),
            ]),
          },
          ...toSyncs(doors),
          {
            caption: "What was done",
            columns: ["door", "how"],
            rows: doors.map(({ title, how }) => [title, how]),
          },
        ],
        charts: toCharts(doors),
      },
    ],
  };
}

/** Of doors that write: one for each operation, or one for several that waited together. */
function toSyncs(doors: readonly DoorFigures[]): readonly Table[] {
  const rows = doors.flatMap(({ title, syncs }) =>
    syncs === undefined ? [] : [[title, syncs.ours, syncs.floor]],
  );
  if (rows.length === 0) return [];
  return [
    {
      caption:
        "Syncs to the disk for one operation, counted by strace: 1 is one for each, less is one for several that waited together",
      columns: ["door", "Everywire", "floor"],
      rows,
    },
  ];
}

function toRatio({ ours, floor }: DoorFigures, field: keyof Round): number | undefined {
  return ratioOf(ours, floor, field);
}

function toOverheadFindings(doors: readonly DoorFigures[]): readonly string[] {
  const known = doors
    .filter(({ isUnderLoad }) => !isUnderLoad)
    .flatMap((door) => {
      const ratio = toRatio(door, "cpuUs");
      return ratio === undefined ? [] : [{ title: door.title, ratio }];
    })
    .sort((a, b) => a.ratio - b.ratio);
  const within = known.filter(({ ratio }) => ratio <= AIM);
  const last = known.at(-1);
  if (last === undefined) return [];
  const named = within.map(({ title, ratio }) => `${title} (${times(ratio)})`);
  return [
    `Of ${known.length} kinds of work whose operations stand by themselves, ${within.length} take at most ${AIM} times the CPU of a bare runtime` +
      `${within.length === 0 ? "" : `: ${listed(named)}`}. The most is ${last.title}, with ${times(last.ratio)} the floor's CPU.`,
  ];
}

function toLoadFindings(doors: readonly DoorFigures[]): readonly string[] {
  return doors
    .filter(({ isUnderLoad }) => isUnderLoad)
    .flatMap((door) => {
      const [rate, cpu] = [toRatio(door, "perSecond"), toRatio(door, "cpuUs")];
      const [mine, theirs] = [
        medianOf(door.ours.rounds, "perSecond"),
        medianOf(door.floor.rounds, "perSecond"),
      ];
      if (rate === undefined || mine === undefined || theirs === undefined) return [];
      const spent = cpu === undefined ? "" : `, at ${times(cpu)} its CPU for each`;
      return [
        `**${door.title}**: Everywire reached ${quantity(mine)} ${door.unit}/s where the floor reached ${quantity(theirs)}: ${times(rate)} as many${spent}.`,
      ];
    });
}

function toCharts(doors: readonly DoorFigures[]): readonly Chart[] {
  const groups = doors.flatMap((door) => {
    const value = toRatio(door, "cpuUs");
    return value === undefined
      ? []
      : [{ label: door.label, bars: [{ label: "CPU, times the floor's", value }] }];
  });
  if (groups.length === 0) return [];
  return [
    {
      name: "floor-cpu",
      title: "Everywire's CPU for one operation, for one of a bare runtime's",
      unit: "times",
      scale: "linear",
      isLowerBetter: true,
      groups,
    },
  ];
}
