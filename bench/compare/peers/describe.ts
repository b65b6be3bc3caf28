import type { Chart, Part, Table, Telling } from "../chapter.ts";
import { medianOf, otherCoresOf } from "../interleave.ts";
import { listed, quantity, toDisturbance } from "../phrases.ts";
import { toGlance, toWorkChart } from "./at-a-glance.ts";
import type { DurabilityFigures, IdleFigures, PeersFigures, WorkFigures } from "./figures.ts";
import { IDLE_KINDS, toFindings, toSentences } from "./findings.ts";

/** A client that uses as much of a core may be what bounds the rate. */
const FULL_CORE = 0.9;

/** What the figures say; a work or a subject that was not measured is in no sentence. */
export function describePeers(figures: PeersFigures): Telling {
  const { works, durability, idle } = figures;
  return {
    findings: toFindings(figures),
    missing: figures.subjects.flatMap(({ name, missing }) =>
      missing === undefined ? [] : [`${name} is not among the peers: ${missing}.`],
    ),
    parts: [
      toSubjects(figures),
      ...(works.length === 0 ? [] : [toGlance(works)]),
      ...works.map((work) => toPart(work, durability)),
      ...(durability.length === 0 ? [] : [toDurability(durability)]),
      ...(idle.length === 0 ? [] : [toIdle(idle)]),
    ],
  };
}

function toSubjects({ subjects, works }: PeersFigures): Part {
  const otherCores = otherCoresOf(works.flatMap(({ standings }) => standings));
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
      ...toDisturbance(otherCores),
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

function toPart(work: WorkFigures, durability: readonly DurabilityFigures[]): Part {
  const failures = work.standings.filter(({ failure }) => failure !== undefined);
  const offered =
    work.offered === undefined
      ? []
      : [`Offered are ${quantity(work.offered)} ${work.unit}/s in all: nobody can reach more.`];
  return {
    title: work.title,
    paragraphs: [
      work.how,
      ...toSentences(work, durability),
      ...offered,
      ...toClientBound(work),
      ...failures.map(({ name, rounds, failure }) =>
        rounds.length === 0
          ? `${name} has no figure: ${failure}`
          : `${name} failed after ${rounds.length} rounds: ${failure}`,
      ),
    ],
    tables: [toTable(work)],
    charts: toWorkChart(work),
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

function toDurability(durability: readonly DurabilityFigures[]): Part {
  const failed = durability.filter(({ failure }) => failure !== undefined);
  const unwatched = durability.filter(({ noSyncs }) => noSyncs !== undefined);
  return {
    title: "What survives kill -9",
    paragraphs: [
      "Events were written and acknowledged, every process of the subject was ended by SIGKILL and started again, and what could be read was counted. " +
        "That is a crash of the program. The system's memory outlives a process, so what a power cut would leave hangs on something else: " +
        "how often the processes asked for their data to be on the disk (`fsync` and its like, counted by strace), for each event. " +
        "One and more is a sync for each; less with many writers is one for several that waited together; none is memory.",
      ...failed.map(({ name, what, failure }) => `${name}, ${what}, has no figure: ${failure}`),
      ...unwatched.map(({ name, what, noSyncs }) => `Syncs of ${name}, ${what}, are not known: ${noSyncs}`),
    ],
    tables: [
      {
        columns: [
          "subject",
          "written as",
          "an acknowledgement means",
          "acknowledged",
          "there after the crash",
          "syncs for an event, 1 writer",
          "32 writers",
        ],
        rows: durability.map(({ name, what, promise, acknowledged, left, syncs }) => [
          name,
          what,
          promise,
          acknowledged,
          left,
          syncs?.atOneWriter,
          syncs?.atManyWriters,
        ]),
      },
    ],
    charts: [],
  };
}

function toIdle(idle: readonly IdleFigures[]): Part {
  const failed = idle.filter(({ failure }) => failure !== undefined);
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
    charts: IDLE_KINDS.flatMap((kind) => toIdleChart(kind, idle)),
  };
}

function toIdleChart(kind: IdleFigures["kind"], idle: readonly IdleFigures[]): readonly Chart[] {
  const groups = idle.flatMap(({ name, kind: own, kibEach }) =>
    own === kind && kibEach !== undefined ? [{ label: name, bars: [{ label: "KiB", value: kibEach }] }] : [],
  );
  if (groups.length === 0) return [];
  return [
    {
      name: `peers-idle-${kind.toLowerCase()}`,
      title: `Memory of one more idle ${kind} reader`,
      unit: "KiB",
      scale: "linear",
      isLowerBetter: true,
      groups,
    },
  ];
}
