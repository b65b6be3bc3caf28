import type { Part } from "../chapter.ts";
import { amount, sentence, written } from "../sentence.ts";
import type { DoorFigures } from "./figures.ts";
import { known } from "./figures.ts";
import type { Row } from "./read-rows.ts";
import { chart } from "./read-rows.ts";

/** Bytes on the wire, down and up. */
export function describeBytes({ scale, doors }: DoorFigures, rows: readonly Row[]): Part {
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

/** Memory while nothing happens, and the time to catch up. */
export function describeIdle({ scale }: DoorFigures, rows: readonly Row[]): Part {
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

/** What a lost packet adds. */
export function describeLoss({ scale }: DoorFigures, rows: readonly Row[]): Part {
  const measured = rows.filter(({ read }) => known(read.loss) !== undefined);
  return {
    title: "What a lost packet costs",
    paragraphs:
      measured.length === 0
        ? [
            "It was not measured in this run; the first page says why. `bench/compare/doors/measure-loss.ts` measures it where the machine lets a network namespace drop packets.",
          ]
        : written(
            sentence`In a network namespace of its own ${amount(scale.lossPart * 100, "%")} of the packets to readers were dropped by the kernel, at random, with ${amount(scale.lossPerSecond, "events/s")} for each door. There is no distance between the two, so what shows is the wire's own recovery: TCP's timer, QUIC's, or a datagram that is asked for again. The cost of one lost packet is the mean delay that was added, divided by the part that was lost; events behind a lost one that had to wait are in it. Where it is below zero, other work on the machine covered it.`,
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
