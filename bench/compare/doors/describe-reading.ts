import type { Chart, ChartGroup, Part } from "../chapter.ts";
import { amount, named, sentence, written } from "../sentence.ts";
import type { DoorFigures, FanOutFigure, ReadFigures } from "./figures.ts";
import { known } from "./figures.ts";
import { FULL_PART } from "./search-highest.ts";

/** A door that was read, and what was measured of it. */
interface Row {
  readonly title: string;
  readonly read: ReadFigures;
}

/** What a full core means: the client is what was measured. */
export function fullMark(busy: number | undefined): string {
  return busy !== undefined && busy > FULL_PART ? "client full" : "";
}

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
      sentence`So many subscribers of one channel, each on a connection of its own; some events are under way at a time, and the next is published when the oldest has reached all. All subscribers are one process, whose core may be full before the server's: the tables say where it is (from ${amount(FULL_PART * 100, "%")} on), and the figure is then the client's.`,
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

function describeBytes({ scale, doors }: DoorFigures, rows: readonly Row[]): Part {
  return {
    title: "Bytes on the wire",
    paragraphs: written(
      sentence`Counted at the client's socket, frames and headers included and what lies below TCP or UDP not, for one event in each direction: what the event brings down to a reader and what the reader sends for it, and what publishing it takes up and is answered with. What opens a connection is not in it; for wires that make a request for each event, that request is.`,
      sentence`A WebSocket of ours always reads its channel, so what its publisher is sent holds its own event as well. WebTransport is counted inside its session, and gRPC's figures are of the socket to the gateway. In the JSON envelope an event has its id, source, type, time, subject and cursor beside the data.`,
    ),
    charts: [
      chart(
        "bytes-small",
        `Bytes for an event of ${scale.sizes[0]} B, down`,
        "bytes",
        true,
        rows,
        ({ bytes }) => {
          const traffic = known(bytes[0]);
          return [
            { label: "to the reader", value: traffic?.receivedBytes },
            { label: "from the reader", value: traffic?.sentBytes },
          ];
        },
      ),
    ],
    tables: [
      {
        caption: "Down: to the reader + from the reader",
        columns: ["door", ...scale.sizes.map((size) => `${size} B of data`)],
        rows: rows.map(({ title, read }) => [title, ...read.bytes.map((one) => toBytes(known(one)))]),
      },
      {
        caption: "Up: from the publisher + to the publisher",
        columns: ["door", ...scale.sizes.map((size) => `${size} B of data`)],
        rows: doors.flatMap(({ title, publish }) => {
          const publishing = known(publish);
          if (publishing === undefined) return [];
          const cells = publishing.bytes.map((one) => {
            const traffic = known(one);
            return traffic === undefined
              ? undefined
              : toBytes({ receivedBytes: traffic.sentBytes, sentBytes: traffic.receivedBytes });
          });
          return [[title, ...cells]];
        }),
      },
    ],
  };
}

function toBytes(traffic: { readonly sentBytes: number; readonly receivedBytes: number } | undefined) {
  if (traffic === undefined) return undefined;
  return `${Math.round(traffic.receivedBytes)} + ${Math.round(traffic.sentBytes)}`;
}

function describeIdle({ scale }: DoorFigures, rows: readonly Row[]): Part {
  return {
    title: "Idle subscribers, and catching up",
    paragraphs: written(
      sentence`Memory is what the server's processes hold more with so many subscribers than with a twentieth of them, a moment after they came: garbage that is not collected yet counts, so it is an upper bound. A reader that was away opens a connection with its last cursor; the time is from its first byte to the last of ${amount(scale.backlogEvents, "missed events")}.`,
    ),
    charts: [
      chart("idle-memory", "Memory of an idle subscriber", "KiB", true, rows, ({ idle }) => [
        { label: "KiB", value: toKib(known(idle)?.bytesEach) },
      ]),
      chart("catch-up", `Catching up ${scale.backlogEvents} events`, "ms", true, rows, ({ catchUp }) => [
        { label: "ms", value: known(catchUp)?.elapsedMs },
      ]),
    ],
    tables: [
      {
        columns: [
          "door",
          "idle subscribers",
          "KiB each",
          "catching up, ms",
          "missed events/s",
          "MiB received",
        ],
        rows: rows.map(({ title, read }) => {
          const idle = known(read.idle);
          const catchUp = known(read.catchUp);
          return [
            title,
            idle?.subscribers,
            toKib(idle?.bytesEach),
            catchUp?.elapsedMs,
            catchUp === undefined ? undefined : (scale.backlogEvents * 1000) / catchUp.elapsedMs,
            catchUp === undefined ? undefined : catchUp.receivedBytes / 2 ** 20,
          ];
        }),
      },
    ],
  };
}

function toKib(bytes: number | undefined): number | undefined {
  return bytes === undefined ? undefined : Math.max(0, bytes) / 1024;
}

function describeLoss({ scale }: DoorFigures, rows: readonly Row[]): Part {
  const measured = rows.filter(({ read }) => known(read.loss) !== undefined);
  return {
    title: "What a lost packet costs",
    paragraphs:
      measured.length === 0
        ? [
            "It was not measured in this run; the first page says why. `bench/compare/doors/measure-loss.ts` measures it where the machine lets a network namespace drop packets.",
          ]
        : written(
            sentence`In a network namespace of its own ${amount(scale.lossPart * 100, "%")} of the packets to readers were dropped by the kernel, at random, with ${amount(scale.lossPerSecond, "events/s")} for each door. There is no distance between the two, so what shows is the wire's own recovery: TCP's timer, QUIC's, or a datagram that is asked for again. The cost of one lost packet is the mean delay that was added, divided by the part that was lost; events behind a lost one that had to wait are in it.`,
          ),
    charts:
      measured.length === 0
        ? []
        : [
            chart("loss", "Added delay for each lost packet", "ms", true, measured, ({ loss }) => [
              { label: "ms", value: known(loss)?.meanLaterMs },
            ]),
          ],
    tables:
      measured.length === 0
        ? []
        : [
            {
              columns: [
                "door",
                "added for a lost packet, ms",
                "p50 without, ms",
                "p50 with, ms",
                "p99 without, ms",
                "p99 with, ms",
              ],
              rows: measured.map(({ title, read }) => {
                const loss = known(read.loss);
                return [
                  title,
                  loss?.meanLaterMs,
                  loss?.withoutP50Ms,
                  loss?.withP50Ms,
                  loss?.withoutP99Ms,
                  loss?.withP99Ms,
                ];
              }),
            },
          ],
  };
}

function chart(
  name: string,
  title: string,
  unit: string,
  isLowerBetter: boolean,
  rows: readonly Row[],
  toBars: (read: ReadFigures) => readonly { readonly label: string; readonly value: number | undefined }[],
): Chart {
  const groups = rows.flatMap(({ title: label, read }): ChartGroup[] => {
    const bars = toBars(read).flatMap((bar) =>
      bar.value === undefined ? [] : [{ label: bar.label, value: bar.value }],
    );
    return bars.length === 0 ? [] : [{ label, bars }];
  });
  return { name, title, unit, isLowerBetter, scale: "log", groups };
}
