import type { Chart, Table, Telling } from "../chapter.ts";
import type { Usage } from "./counted-server.ts";
import type { CostFigures, Counted, ReadingFigures } from "./figures.ts";
import { PRICES, toCostPerMillion, toFreePerDay } from "./price.ts";
import { IN_BATCHES, WITH_ID } from "./publishers.ts";

/** A month of 30 days. */
const MONTH_SECONDS = 30 * 24 * 3600;
/** A wire below this costs what its CPU does. */
const CHEAP_DOLLARS = 1;

/** Says what the figures say. Prices are those of `prices.json`. */
export function describeCost(figures: CostFigures): Telling {
  const publishing = figures.publishing.flatMap(toPriced);
  const one = figures.reading.flatMap(({ name, byOne }) => toPriced({ ...byOne, name }));
  const many = figures.reading.flatMap(({ name, byMany }) => toPriced({ ...byMany, name }));
  return {
    findings: toFindings(figures, publishing, many),
    missing: toMissing(figures),
    parts: [
      {
        title: "A million events on Cloudflare's price list",
        paragraphs: [toFormula(), toMethod(figures)],
        tables: [
          {
            caption: "Publishing: what one event uses, and what a million cost",
            columns: [...USE_COLUMNS, "$ per million", "events a day on the free plan"],
            rows: publishing.map(({ name, events, usage, total }) => [
              name,
              ...toUses(usage, events),
              total,
              toFreePerDay(usage, events),
            ]),
          },
          toReadingTable("Reading by one subscriber: its share of one event", one),
          toReadingTable(
            `Reading by ${figures.reading[0]?.byMany.subscribers ?? 0} subscribers of one channel: the share of all of them of one event`,
            many,
          ),
          toIdleTable(figures.reading),
        ],
        charts: toCharts(publishing, many),
      },
    ],
  };
}

interface Priced {
  readonly name: string;
  readonly events: number;
  readonly usage: Usage;
  readonly total: number;
  /** The part of it that depends on how fast this machine was. */
  readonly duration: number;
}

function toPriced({ name, events, usage }: Counted): readonly Priced[] {
  if (usage === undefined) return [];
  const { total, objectDuration: duration } = toCostPerMillion(usage, events);
  return [{ name, events, usage, total, duration }];
}

const USE_COLUMNS = [
  "",
  "Worker requests",
  "CPU, ms",
  "object requests",
  "messages in",
  "object busy, ms",
  "rows read",
  "rows written",
];

function toUses(usage: Usage, count: number): readonly (number | undefined)[] {
  const { workerRequests, cpuMs, objectRequests, objectMessages, objectBusyMs, rowsRead, rowsWritten } =
    usage;
  return [workerRequests, cpuMs, objectRequests, objectMessages, objectBusyMs, rowsRead, rowsWritten].map(
    (used) => (used === undefined ? undefined : used / count),
  );
}

function toReadingTable(caption: string, rows: readonly Priced[]): Table {
  return {
    caption,
    columns: [...USE_COLUMNS, "$ per million"],
    rows: rows.map(({ name, events, usage, total }) => [name, ...toUses(usage, events), total]),
  };
}

function toIdleTable(reading: readonly ReadingFigures[]): Table {
  return {
    caption: "Waiting: what connecting costs, and what the subscribers cost while nothing is published",
    columns: [
      "",
      "Worker requests to connect",
      "object requests to connect",
      "$ per million connections",
      "objects busy while idle",
      "Worker requests per subscriber and minute, idle",
      "$ per 100 idle subscribers and month",
    ],
    rows: reading.flatMap(({ name, byMany: { subscribers }, connecting, idle }) => {
      if (connecting === undefined || idle === undefined) return [];
      const scale = 100 / subscribers;
      const perMonth = toCostPerMillion(idle.usage, 1e6 * idle.seconds).total * MONTH_SECONDS * scale;
      return [
        [
          name,
          connecting.workerRequests / subscribers,
          connecting.objectRequests / subscribers,
          toCostPerMillion(connecting, subscribers).total,
          idle.usage.objectBusyMs / idle.seconds / 1000,
          (idle.usage.workerRequests / subscribers / idle.seconds) * 60,
          perMonth,
        ],
      ];
    }),
  };
}

function toFindings(
  figures: CostFigures,
  publishing: readonly Priced[],
  many: readonly Priced[],
): readonly string[] {
  const findings: string[] = [];
  const single = publishing.filter(({ name }) => name !== IN_BATCHES && name !== WITH_ID);
  const cheapest = single.toSorted((a, b) => a.total - b.total)[0];
  const dearest = single.toSorted((a, b) => b.total - a.total)[0];
  if (cheapest !== undefined && dearest !== undefined)
    findings.push(
      `A million events, published one by one, cost from $${cheapest.total.toFixed(2)} (${cheapest.name}) to $${dearest.total.toFixed(2)} (${dearest.name}) beyond what the paid plan includes.`,
    );
  const withId = publishing.find(({ name }) => name === WITH_ID);
  const batch = publishing.find(({ name }) => name === IN_BATCHES);
  if (batch !== undefined && withId !== undefined)
    findings.push(
      `Events that bring an id of their own, so that a repeat is known, cost $${withId.total.toFixed(2)} a million one by one, and $${batch.total.toFixed(2)} in batches: a batch is one request, but each of its events is a row all the same.`,
    );
  const free = many.filter(({ total }) => total < CHEAP_DOLLARS);
  const dear = many.toSorted((a, b) => b.total - a.total)[0];
  const subscribers = figures.reading[0]?.byMany.subscribers ?? 0;
  if (dear !== undefined)
    findings.push(
      `That ${subscribers} subscribers get a million events costs less than $${CHEAP_DOLLARS} over ${free.length} of ${many.length} wires, since what an object sends is free; over ${dear.name} it costs $${dear.total.toFixed(2)}, of which $${dear.duration.toFixed(2)} is the time that objects were busy on this machine.`,
    );
  return findings;
}

function toMissing(figures: CostFigures): readonly string[] {
  const all = [
    ...figures.publishing.map((one) => ({ ...one, name: `publishing over ${one.name}` })),
    ...figures.reading.flatMap(({ name, byOne, byMany }) => [
      { ...byOne, name: `one subscriber over ${name}` },
      { ...byMany, name: `${byMany.subscribers} subscribers over ${name}` },
    ]),
  ];
  return [
    "Not counted: what goes through the gateway (gRPC, UDP, WebTransport, AMQP), which is a server of one's own and reaches the Worker as any client does; and what QStash bills for the queue's messages.",
    ...all.flatMap(({ name, failure }) =>
      failure === undefined ? [] : [`The cost of ${name}: ${failure}.`],
    ),
  ];
}

function toFormula(): string {
  const { workerRequests, workerCpuMs, objectRequests, objectGbSeconds, rowsRead, rowsWritten } = PRICES;
  return (
    `Cost of a million events = ${workerRequests.perMillion} x Worker requests + ${workerCpuMs.perMillion} x CPU ms + ${objectRequests.perMillion} x (object requests + messages in / ${PRICES.incomingMessagesPerRequest}) ` +
    `+ ${objectGbSeconds.perMillion} x ${PRICES.objectGb} x object busy s + ${rowsRead.perMillion} x rows read + ${rowsWritten.perMillion} x rows written, each for one event, in US dollars. ` +
    `These are the prices beyond what the paid plan ($${PRICES.paidPlanPerMonth} a month) includes, read on ${PRICES.readOn} at ${PRICES.pages.join(" and ")}. What objects and Workers send is free.`
  );
}

function toMethod({ perSecond, baseEvents }: CostFigures): string {
  return `Everything was counted from within the runtime, in front of the very bundle that is deployed (\`bench/compare/cost/trace-worker.js\`): requests of the Worker, calls of objects, messages in, alarms, rows as SQLite reports them (an alarm that is set is a row written), and for each object the time in which anything was under way in it (the runtime's clock stands still while code runs, so a handler that waits for nothing counts as no time; it is in the CPU). The busy time is this machine's, disk and all, and the CPU is that of the whole runtime, so both are upper bounds for what an event needs elsewhere (most of all where a hundred objects, as of MQTT, share two cores); distance is not in them. Publishes came one after the other from one client. Readers were counted over ${baseEvents} events at ${perSecond} a second, less what the same publishes use with nobody reading. A wire that asks again and again (\`http\`, \`long-poll\`) costs by the time and not by the event: at another pace its row is another.`;
}

function toCharts(publishing: readonly Priced[], many: readonly Priced[]): readonly Chart[] {
  const toChart = (name: string, title: string, rows: readonly Priced[]): Chart => ({
    name,
    title,
    unit: "US dollars",
    scale: "linear",
    isLowerBetter: true,
    groups: [{ label: "", bars: rows.map((row) => ({ label: row.name, value: row.total })) }],
  });
  return [
    toChart("cost-publishing", "A million events published", publishing),
    toChart("cost-reading", "A million events to many subscribers, publishing not included", many),
  ];
}
