import { medianOf } from "../interleave.ts";
import { listed, quantity, times } from "../phrases.ts";
import type { DurabilityFigures, IdleFigures, PeersFigures, SyncFigures, WorkFigures } from "./figures.ts";
import { MQTT_TRIAL, PUBLISH_TRIAL } from "./figures.ts";
import type { Ranked } from "./ranking.ts";
import { OURS, rank } from "./ranking.ts";

/** Works that the first page tells of; of the others their own part does. */
const FIRST_PAGE: readonly string[] = [
  "read",
  "publish-32",
  "fan-out-websocket",
  "fan-out-sse",
  "grpc",
  "mqtt-qos1-tcp",
  "queue",
];

/** Works whose acknowledgements are put to the test, and as what. */
const DURABLE_WORKS = [
  { beginning: "publish", trial: PUBLISH_TRIAL },
  { beginning: "mqtt-qos1", trial: MQTT_TRIAL },
];

export const IDLE_KINDS = ["WebSocket", "SSE"] as const;

/** Sentences for the first page. */
export function toFindings({ works, durability, idle }: PeersFigures): readonly string[] {
  return [
    ...works.filter(({ name }) => FIRST_PAGE.includes(name)).flatMap((work) => toSentences(work, durability)),
    ...toDurabilityFindings(durability),
    ...toIdleFindings(idle),
  ];
}

/** What a work's figures say; nothing where there is nobody to compare, or Everywire has no figure. */
export function toSentences(work: WorkFigures, durability: readonly DurabilityFigures[]): readonly string[] {
  const ours = work.standings.find(({ name }) => name === OURS);
  const mine = ours && medianOf(ours.rounds, "perSecond");
  const others = rank(work.standings.filter(({ name }) => name !== OURS));
  const [best] = others;
  if (mine === undefined || best === undefined) return [];
  const cpu = ours && medianOf(ours.rounds, "cpuUs");
  const spent = cpu === undefined ? "" : `, with ${quantity(cpu)} us of server CPU for each`;
  return [
    `**${work.title}**: Everywire reached ${quantity(mine)} ${work.unit}/s${spent}; ${compareTo(mine, best)}.`,
    ...(work.promises === undefined ? [] : toDurableSentence(work, mine, others, durability)),
  ];
}

function compareTo(mine: number, best: Ranked): string {
  const place = mine >= best.perSecond ? "next" : "first";
  return `the ${place}, ${best.name}, reached ${times(best.perSecond / mine)} as many (${quantity(best.perSecond)}/s)`;
}

/** Where an acknowledgement means different things: how those compare whose events were all there after a crash. */
function toDurableSentence(
  { name, title }: WorkFigures,
  mine: number,
  others: readonly Ranked[],
  durability: readonly DurabilityFigures[],
): readonly string[] {
  const written = DURABLE_WORKS.find(({ beginning }) => name.startsWith(beginning))?.trial;
  const survivors = new Set(
    durability
      .filter(({ what }) => what === written)
      .flatMap((figures) => (isWhole(figures) ? figures.name : [])),
  );
  const durable = others.filter((other) => survivors.has(other.name));
  if (!survivors.has(OURS) || durable.length === 0) return [];
  const each = durable.map((other) => `${times(mine / other.perSecond)} that of ${other.name}`);
  return [
    `Among those whose acknowledged events all survived \`kill -9\` in this run, Everywire's rate (${title}) was ${listed(each)}.`,
  ];
}

function isWhole({ acknowledged, left }: DurabilityFigures): boolean {
  return acknowledged !== undefined && left === acknowledged;
}

function toDurabilityFindings(durability: readonly DurabilityFigures[]): readonly string[] {
  const counted = durability.filter(({ left }) => left !== undefined);
  const toNames = (some: readonly DurabilityFigures[]) => listed([...new Set(some.map(({ name }) => name))]);
  const all = counted.filter(isWhole);
  const fewer = counted.filter((figures) => !isWhole(figures));
  const ours = durability.find(({ name, what }) => name === OURS && what === PUBLISH_TRIAL)?.syncs;
  return [
    ...(all.length === 0
      ? []
      : [`After \`kill -9\` everything acknowledged was there with ${toNames(all)}.`]),
    ...(fewer.length === 0
      ? []
      : [`After \`kill -9\` acknowledged events were lost with ${toNames(fewer)}.`]),
    ...(ours === undefined ? [] : [toSyncSentence(ours)]),
  ];
}

function toSyncSentence({ atOneWriter, atManyWriters }: SyncFigures): string {
  return `Everywire asked for data to be on the disk ${times(atOneWriter)} for an event with one writer, and ${times(atManyWriters)} with 32: those that wait together are committed together.`;
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
