import type { Chart, Part, Table, Telling } from "../chapter.ts";
import type { Standing } from "../interleave.ts";
import { medianOf } from "../interleave.ts";
import { listed, quantity, times } from "../phrases.ts";
import type { DurabilityFigures, IdleFigures, PeersFigures, WorkFigures } from "./figures.ts";

const OURS = "Everywire";
/** A client that uses as much of a core may be what bounds the rate. */
const FULL_CORE = 0.9;

const IDLE_KINDS = ["WebSocket", "SSE"] as const;

/** What the figures say; a work or a subject that was not measured is in no sentence. */
export function describePeers(figures: PeersFigures): Telling {
  const survivors = toSurvivors(figures.durability);
  return {
    findings: [
      ...figures.works.flatMap((work) => toFinding(work, survivors)),
      ...toDurabilityFindings(figures.durability),
      ...toIdleFindings(figures.idle),
    ],
    parts: [
      toSubjects(figures),
      ...figures.works.map((work) => toPart(work)),
      ...(figures.durability.length === 0 ? [] : [toDurability(figures.durability)]),
      ...(figures.idle.length === 0 ? [] : [toIdle(figures.idle)]),
    ],
  };
}

/** Subjects whose acknowledged events were all there after `kill -9`. */
function toSurvivors(durability: readonly DurabilityFigures[]): ReadonlySet<string> {
  return new Set(
    durability
      .filter(
        ({ what, acknowledged, left }) =>
          what === "publish" && acknowledged !== undefined && left === acknowledged,
      )
      .map(({ name }) => name),
  );
}

function toFinding(work: WorkFigures, survivors: ReadonlySet<string>): readonly string[] {
  const ours = work.standings.find(({ name }) => name === OURS);
  const mine = ours && medianOf(ours.rounds, "perSecond");
  const others = rank(work.standings.filter(({ name }) => name !== OURS));
  const [best] = others;
  if (mine === undefined || best === undefined) return [];
  const cpu = ours && medianOf(ours.rounds, "cpuUs");
  const spent = cpu === undefined ? "" : `, with ${quantity(cpu)} us of server CPU for each`;
  const said = [
    `**${work.title}**: Everywire reached ${quantity(mine)} ${work.unit}/s${spent}; ${compareTo(mine, best)}.`,
  ];
  if (!work.name.startsWith("publish") || survivors.size === 0) return said;
  const durable = others.filter(({ name }) => survivors.has(name));
  if (survivors.has(OURS) && durable.length > 0) {
    const each = durable.map(({ name, perSecond }) => `${times(mine / perSecond)} ${name}`);
    said.push(
      `Of those whose acknowledged events survived \`kill -9\` in this run, Everywire publishes with ${
        work.title.split(", ")[1]
      } at ${listed(each)}.`,
    );
  }
  return said;
}

function toDurabilityFindings(durability: readonly DurabilityFigures[]): readonly string[] {
  const counted = durability.filter(({ left }) => left !== undefined);
  const toNames = (some: readonly DurabilityFigures[]) => listed([...new Set(some.map(({ name }) => name))]);
  const all = counted.filter(({ acknowledged, left }) => left === acknowledged);
  const fewer = counted.filter(({ acknowledged, left }) => left !== acknowledged);
  return [
    ...(all.length === 0
      ? []
      : [`After \`kill -9\` everything acknowledged was there with ${toNames(all)}.`]),
    ...(fewer.length === 0
      ? []
      : [`After \`kill -9\` acknowledged events were lost with ${toNames(fewer)}.`]),
  ];
}

function toIdleFindings(idle: readonly IdleFigures[]): readonly string[] {
  return IDLE_KINDS.flatMap((kind) => {
    const known = idle
      .flatMap(({ name, kind: own, kibEach }) =>
        own === kind && kibEach !== undefined ? [{ name, kibEach }] : [],
      )
      .sort((a, b) => a.kibEach - b.kibEach);
    const [least] = known;
    const ours = known.find(({ name }) => name === OURS);
    if (ours === undefined || least === undefined) return [];
    return [
      `One more idle ${kind} reader takes ${quantity(ours.kibEach)} KiB of Everywire's memory; the least is ${quantity(least.kibEach)} KiB, of ${least.name}.`,
    ];
  });
}

function compareTo(mine: number, best: Ranked): string {
  const theirs = `${best.name} (${quantity(best.perSecond)}/s)`;
  return mine >= best.perSecond
    ? `the next, ${theirs}, reached ${times(best.perSecond / mine)} as many`
    : `the first, ${theirs}, reached ${times(best.perSecond / mine)} as many`;
}

interface Ranked {
  readonly name: string;
  readonly perSecond: number;
}

/** The fastest first. */
function rank(standings: readonly Standing[]): readonly Ranked[] {
  return standings
    .flatMap(({ name, rounds }) => {
      const perSecond = medianOf(rounds, "perSecond");
      return perSecond === undefined ? [] : [{ name, perSecond }];
    })
    .sort((a, b) => b.perSecond - a.perSecond);
}

function toSubjects({ subjects }: PeersFigures): Part {
  const here = subjects.filter(({ missing }) => missing === undefined);
  const absent = subjects.filter(({ missing }) => missing !== undefined);
  return {
    title: "Who was measured",
    paragraphs: [
      "All subjects of a work were asked in turn, round by round, in one run on one machine, by the same client on the same machine. " +
        "What counts is the median of the rounds. Server CPU is that of all of a subject's processes, for one operation. " +
        "Rates depend on what the client left of the machine; CPU for an operation depends less on it.",
      "The subjects carry an event of 128 bytes as it is. Everywire adds the attributes of a CloudEvent and a cursor, which are some 200 bytes more to each reader; " +
        "it checks who asks with each read, and counts limits. That is part of its price.",
    ],
    tables: [
      { columns: ["subject", "how it was set up"], rows: here.map(({ name, setup }) => [name, setup]) },
      ...(absent.length === 0
        ? []
        : [
            {
              caption: "Not in this run",
              columns: ["subject", "why"],
              rows: absent.map(({ name, missing }) => [name, missing]),
            },
          ]),
    ],
    charts: [],
  };
}

function toPart(work: WorkFigures): Part {
  const failures = work.standings.filter(({ failure }) => failure !== undefined);
  const offered =
    work.offered === undefined
      ? []
      : [`Offered are ${quantity(work.offered)} ${work.unit}/s in all: nobody can reach more.`];
  return {
    title: work.title,
    paragraphs: [
      work.how,
      ...offered,
      ...toClientBound(work),
      ...failures.map(({ name, rounds, failure }) =>
        rounds.length === 0
          ? `${name} has no figure: ${failure}`
          : `${name} failed after ${rounds.length} rounds: ${failure}`,
      ),
    ],
    tables: [toTable(work)],
    charts: toCharts(work),
  };
}

/** Rates that may be the client's own. */
function toClientBound({ standings }: WorkFigures): readonly string[] {
  const bound = standings.filter(({ rounds }) => (medianOf(rounds, "clientCores") ?? 0) >= FULL_CORE);
  if (bound.length === 0) return [];
  const names = listed(bound.map(({ name }) => name));
  return [
    `The client used ${FULL_CORE} of a core or more with ${names}: there the server may be able to do more than the rate says.`,
  ];
}

function toTable({ standings, unit, promises }: WorkFigures): Table {
  return {
    columns: [
      "subject",
      `${unit}/s`,
      "server CPU, us each",
      "p50, ms",
      "p99, ms",
      "client, cores",
      ...(promises === undefined ? [] : ["an acknowledgement means"]),
    ],
    rows: standings.map(({ name, rounds }) => [
      name,
      medianOf(rounds, "perSecond"),
      medianOf(rounds, "cpuUs"),
      medianOf(rounds, "p50Ms"),
      medianOf(rounds, "p99Ms"),
      medianOf(rounds, "clientCores"),
      ...(promises === undefined ? [] : [promises[name]]),
    ]),
  };
}

function toCharts({ name, title, unit, standings }: WorkFigures): readonly Chart[] {
  const bars = (field: "perSecond" | "cpuUs") =>
    standings.flatMap(({ name: label, rounds }) => {
      const value = medianOf(rounds, field);
      return value === undefined ? [] : [{ label, value }];
    });
  const charts: Chart[] = [
    {
      name: `peers-${name}-rate`,
      title: `${title}: ${unit} a second`,
      unit: `${unit}/s`,
      scale: "linear",
      isLowerBetter: false,
      groups: [{ label: title, bars: bars("perSecond") }],
    },
    {
      name: `peers-${name}-cpu`,
      title: `${title}: server CPU for one of the ${unit}`,
      unit: "us",
      scale: "linear",
      isLowerBetter: true,
      groups: [{ label: title, bars: bars("cpuUs") }],
    },
  ];
  return charts.filter(({ groups }) => groups.some(({ bars: some }) => some.length > 0));
}

function toDurability(durability: readonly DurabilityFigures[]): Part {
  const failed = durability.filter(({ failure }) => failure !== undefined);
  return {
    title: "What survives kill -9",
    paragraphs: [
      "Events were written and acknowledged, every process of the subject was ended by SIGKILL and started again, and what could be read was counted. " +
        "That is a crash of the program. What a power cut would leave is not shown: the system's memory outlives a process, so that Redis with `everysec` and with `always` look alike here.",
      ...failed.map(({ name, what, failure }) => `${name}, ${what}, has no figure: ${failure}`),
    ],
    tables: [
      {
        columns: [
          "subject",
          "written as",
          "an acknowledgement means",
          "acknowledged",
          "there after the crash",
        ],
        rows: durability.map(({ name, what, promise, acknowledged, left }) => [
          name,
          what,
          promise,
          acknowledged,
          left,
        ]),
      },
    ],
    charts: [],
  };
}

function toIdle(idle: readonly IdleFigures[]): Part {
  const failed = idle.filter(({ failure }) => failure !== undefined);
  const known = idle.filter(({ kibEach }) => kibEach !== undefined);
  return {
    title: "An idle reader's memory",
    paragraphs: [
      "What the resident memory of the server's processes grew by when so many more readers were connected, for each of them, on a server that had done nothing else.",
      ...failed.map(({ name, kind, failure }) => `${name}, ${kind}, has no figure: ${failure}`),
    ],
    tables: [
      {
        columns: ["subject", "wire", "readers", "KiB each"],
        rows: idle.map(({ name, kind, readers, kibEach }) => [name, kind, readers, kibEach]),
      },
    ],
    charts:
      known.length === 0
        ? []
        : [
            {
              name: "peers-idle",
              title: "Memory of one more idle reader",
              unit: "KiB",
              scale: "linear",
              isLowerBetter: true,
              groups: IDLE_KINDS.map((kind) => ({
                label: kind,
                bars: known
                  .filter((figures) => figures.kind === kind)
                  .map(({ name, kibEach = 0 }) => ({ label: name, value: kibEach })),
              })),
            },
          ],
  };
}
