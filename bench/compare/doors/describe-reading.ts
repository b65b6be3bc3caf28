import type { Part } from "../chapter.ts";
import { amount, named, sentence, written } from "../sentence.ts";
import { describeBytes, describeIdle, describeLoss } from "./describe-costs.ts";
import type { DoorFigures, FanOutFigure, ReadFigures } from "./figures.ts";
import { known } from "./figures.ts";
import type { Row } from "./read-rows.ts";
import { chart, fullMark } from "./read-rows.ts";
import { FULL_PART } from "./search-highest.ts";

/** The parts on reading: delay, rates, fan-out, bytes, memory, catching up, loss. */
export function describeReading(figures: DoorFigures): readonly Part[] {
  const rows = figures.doors.flatMap(({ title, read }) => {
    const reading = known(read);
    return reading === undefined ? [] : [{ title, read: reading }];
  });
  return [
    describeDelay(figures, rows),
    describeHighest(figures, rows),
    describeFanOut(figures, rows),
    describeBytes(figures, rows),
    describeIdle(figures, rows),
    describeLoss(figures, rows),
  ];
}

function describeDelay({ scale, publishOnlyCpuUs }: DoorFigures, rows: readonly Row[]): Part {
  return {
    title: "From the publish to the arrival",
    paragraphs: written(
      sentence`Every event has ${amount(scale.dataBytes, "bytes")} of data and is published as a line over TCP, which is the cheapest way in and the same for all. The time runs from when it is written to the publisher's socket to when its bytes are found in the reader's, so it holds the write to disk. The readers are bare sockets that search what comes for the event's mark: no wire is charged for a library.`,
      sentence`At ${amount(scale.slowPerSecond, "events/s")} doors are measured ${scale.sideBySide} side by side, each on a channel of its own and in turns, for ${amount(scale.slowMs / 1000, "s")}; at ${amount(scale.steadyPerSecond, "events/s")} alone, on a fresh server, for ${amount(scale.steadyMs / 1000, "s")}. CPU is of the server's processes (the gateway's too) for publishing and delivering one event, and of the reader's process. Polling asks every ${amount(scale.pollIntervalMs, "ms")}.`,
      sentence`Publishing alone, with no reader, costs the server ${amount(publishOnlyCpuUs, "us")} an event at that rate.`,
    ),
    charts: [
      chart("delay-steady", `Delay at ${scale.steadyPerSecond} events/s`, "ms", true, rows, ({ steady }) => [
        { label: "p50", value: known(steady)?.latencies.p50Ms },
        { label: "p99", value: known(steady)?.latencies.p99Ms },
      ]),
    ],
    tables: [
      {
        caption: `Delay in ms; at ${scale.slowPerSecond}/s and at ${scale.steadyPerSecond}/s`,
        columns: [
          "door",
          "connect p50",
          "first event p50",
          `${scale.slowPerSecond}/s p50`,
          "p99",
          "p99.9",
          `${scale.steadyPerSecond}/s p50`,
          "p99",
          "p99.9",
          "server CPU, us",
          "client CPU, us",
          "",
        ],
        rows: rows.map(({ title, read }) => {
          const opening = known(read.opening);
          const slow = known(read.slow);
          const steady = known(read.steady);
          return [
            title,
            opening?.connect?.p50Ms,
            opening?.firstEvent?.p50Ms,
            slow?.p50Ms,
            slow?.p99Ms,
            slow?.p999Ms,
            steady?.latencies.p50Ms,
            steady?.latencies.p99Ms,
            steady?.latencies.p999Ms,
            steady?.serverCpuUs,
            steady?.clientCpuUs,
            fullMark(steady?.clientBusy),
          ];
        }),
      },
    ],
  };
}

function describeHighest({ scale }: DoorFigures, rows: readonly Row[]): Part {
  return {
    title: "The highest rate that is sustained",
    paragraphs: written(
      sentence`A rate is sustained where, for ${amount(scale.searchMs / 1000, "s")}, every event arrives and ${named("p99")} stays below ${amount(scale.searchP99Ms, "ms")} (for polling, ${amount(scale.pollIntervalMs, "ms")} more). The search doubles the rate until it is not, then halves what lies between, so the figure is exact to about a fifth. One publisher, one reader, one channel.`,
    ),
    charts: [
      chart(
        "highest-rate",
        "Highest sustained rate to one reader",
        "events/s",
        false,
        rows,
        ({ highest }) => [{ label: "events/s", value: known(highest)?.perSecond }],
      ),
    ],
    tables: [
      {
        columns: [
          "door",
          "events/s",
          "p50, ms",
          "p99, ms",
          "p99.9, ms",
          "server CPU, us",
          "client CPU, us",
          "client's core, %",
          "what ended it",
        ],
        rows: rows.map(({ title, read }) => {
          const highest = known(read.highest);
          return [
            title,
            highest?.perSecond,
            highest?.latencies.p50Ms,
            highest?.latencies.p99Ms,
            highest?.latencies.p999Ms,
            highest?.serverCpuUs,
            highest?.clientCpuUs,
            highest === undefined ? undefined : highest.clientBusy * 100,
            highest?.limit ?? ("missing" in read.highest ? read.highest.missing : ""),
          ];
        }),
      },
    ],
  };
}

function describeFanOut({ scale }: DoorFigures, rows: readonly Row[]): Part {
  const of = (read: ReadFigures, index: number): FanOutFigure | undefined => known(read.fanOuts[index]);
  return {
    title: "Deliveries to many subscribers",
    paragraphs: written(
      sentence`So many subscribers of one channel, each on a connection of its own; some events are under way at a time, and the next is published when the oldest has reached all. All subscribers and the publisher are one process, whose core may be full before the server's: the tables say where it is (from ${amount(FULL_PART * 100, "%")} on), and the figure is then the client's.`,
    ),
    charts: [
      chart("fan-out", "Deliveries per second", "deliveries/s", false, rows, (read) =>
        scale.fanOuts.map((subscribers, index) => ({
          label: `to ${subscribers}`,
          value: of(read, index)?.deliveriesPerSecond,
        })),
      ),
    ],
    tables: [
      {
        columns: [
          "door",
          ...scale.fanOuts.map((subscribers) => `deliveries/s to ${subscribers}`),
          "server CPU per delivery, us",
          "client CPU per delivery, us",
          "",
        ],
        rows: rows.map(({ title, read }) => {
          const all = read.fanOuts.flatMap((fanOut) => known(fanOut) ?? []);
          const last = all.at(-1);
          const full = all.filter(({ clientBusy }) => clientBusy > FULL_PART);
          return [
            title,
            ...scale.fanOuts.map((_, index) => of(read, index)?.deliveriesPerSecond),
            last?.serverCpuUs,
            last?.clientCpuUs,
            full.length === 0
              ? ""
              : `client full at ${full.map(({ subscribers }) => subscribers).join(", ")}`,
          ];
        }),
      },
    ],
  };
}
