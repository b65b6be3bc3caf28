import type { Part } from "../chapter.ts";
import { amount, sentence, written } from "../sentence.ts";
import type { DoorFigures } from "./figures.ts";
import { known } from "./figures.ts";
import { fullMark } from "./read-rows.ts";

/** The part on publishing. */
export function describePublishing({ doors, scale }: DoorFigures): readonly Part[] {
  const rows = doors.flatMap(({ title, publish }) => {
    const publishing = known(publish);
    return publishing === undefined ? [] : [{ title, ...publishing }];
  });
  return [
    {
      title: "Publishing",
      paragraphs: written(
        sentence`A publisher that sends the next event when the last one was acknowledged, which is when it is on disk; then ${amount(scale.publishWindow, "of them")} under way at a time: on one connection where the wire takes more than one, on so many connections where it is a request each. What comes together is written together, so many at a time cost less each.`,
        sentence`The last columns are from before the publish over this door to the arrival at a WebSocket that reads the channel on which it shows, one of ${scale.arrivals} at a time. For most doors that is the acknowledgement's time; the queue delivers after its acknowledgement, and REST writes a record whose event follows.`,
      ),
      charts: [
        {
          name: "publishing",
          title: "Publishes per second",
          unit: "publishes/s",
          scale: "log",
          isLowerBetter: false,
          groups: rows.map(({ title, alone, together }) => ({
            label: title,
            bars: [
              { label: "one at a time", value: known(alone)?.perSecond },
              { label: `${scale.publishWindow} at a time`, value: known(together)?.perSecond },
            ].flatMap(({ label, value }) => (value === undefined ? [] : [{ label, value }])),
          })),
        },
      ],
      tables: [
        {
          columns: [
            "door",
            "one at a time: per second",
            "p50, ms",
            "p99, ms",
            "server CPU, us",
            `${scale.publishWindow} at a time: per second`,
            "p50, ms",
            "p99, ms",
            "server CPU, us",
            "client CPU, us",
            "",
            "to the arrival: p50, ms",
            "p99, ms",
          ],
          rows: rows.map((row) => {
            const alone = known(row.alone);
            const together = known(row.together);
            return [
              row.title,
              alone?.perSecond,
              alone?.latencies.p50Ms,
              alone?.latencies.p99Ms,
              alone?.serverCpuUs,
              together?.perSecond,
              together?.latencies.p50Ms,
              together?.latencies.p99Ms,
              together?.serverCpuUs,
              together?.clientCpuUs,
              fullMark(together?.clientBusy),
              known(row.arrival)?.p50Ms,
              known(row.arrival)?.p99Ms,
            ];
          }),
        },
      ],
    },
  ];
}
