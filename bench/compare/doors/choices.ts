import type { Table } from "../chapter.ts";
import type { Said } from "../sentence.ts";
import { amount, named, sentence, written } from "../sentence.ts";
import type { MeasuredDoor } from "./doors.ts";
import { DOORS } from "./doors.ts";
import type { DoorFigures, OneDoor, ReadFigures } from "./figures.ts";
import { known } from "./figures.ts";

/** What a door is judged by. */
interface Criterion {
  readonly what: string;
  readonly unit: string;
  readonly isLowerBetter: boolean;
  /** Whether a door that polls can be judged by it: one that is not connected holds nothing, and batches what it is late for. */
  readonly withPolled?: boolean;
  /** How far apart, as a share of the better, two runs of the same door were on one machine: what is nearer is a tie. */
  readonly noise: number;
  value(door: OneDoor): number | undefined;
}

interface Ranked {
  readonly title: string;
  readonly value: number;
}

const reading =
  (of: (read: ReadFigures) => number | undefined) =>
  ({ read }: OneDoor): number | undefined => {
    const figures = known(read);
    return figures === undefined ? undefined : of(figures);
  };

const STEADY_P50: Criterion = {
  what: "delay",
  unit: "ms",
  isLowerBetter: true,
  noise: 0.2,
  withPolled: true,
  value: reading(({ steady }) => known(steady)?.latencies.p50Ms),
};
const HIGHEST: Criterion = {
  what: "events to one reader",
  unit: "events/s",
  isLowerBetter: false,
  noise: 0.2,
  value: reading(({ highest }) => known(highest)?.perSecond),
};
const WIDE: Criterion = {
  what: "deliveries to many",
  unit: "deliveries/s",
  isLowerBetter: false,
  noise: 0.1,
  value: reading(({ fanOuts }) => known(fanOuts.at(-1))?.deliveriesPerSecond),
};
const SMALL_BYTES: Criterion = {
  what: "bytes for a small event",
  unit: "bytes",
  isLowerBetter: true,
  noise: 0.02,
  withPolled: true,
  value: reading(({ bytes }) => {
    const traffic = known(bytes[0]);
    return traffic === undefined ? undefined : traffic.receivedBytes + traffic.sentBytes;
  }),
};
const IDLE: Criterion = {
  what: "memory of an idle subscriber",
  unit: "KiB",
  isLowerBetter: true,
  noise: 0.1,
  value: reading(({ idle }) => {
    const bytes = known(idle)?.bytesEach;
    return bytes === undefined || bytes <= 0 ? undefined : bytes / 1024;
  }),
};
const CATCH_UP: Criterion = {
  what: "catching up",
  unit: "ms",
  isLowerBetter: true,
  noise: 0.2,
  withPolled: true,
  value: reading(({ catchUp }) => known(catchUp)?.elapsedMs),
};
const LOSS: Criterion = {
  what: "delay added by a lost packet",
  unit: "ms",
  isLowerBetter: true,
  noise: 0.5,
  // Below zero is noise that covered it: no door is recommended for that.
  value: reading(({ loss }) => {
    const laterMs = known(loss)?.meanLaterMs;
    return laterMs === undefined || laterMs <= 0 ? undefined : laterMs;
  }),
};
const PUBLISH_ALONE: Criterion = {
  what: "one publish at a time",
  unit: "ms",
  isLowerBetter: true,
  noise: 0.1,
  withPolled: true,
  value: ({ publish }) => known(known(publish)?.alone)?.latencies.p50Ms,
};
const PUBLISH_TOGETHER: Criterion = {
  what: "publishes, several at a time",
  unit: "publishes/s",
  isLowerBetter: false,
  noise: 0.1,
  withPolled: true,
  value: ({ publish }) => known(known(publish)?.together)?.perSecond,
};

/** A kind of work, who can do it, and what decides. */
interface Work {
  readonly work: string;
  readonly by: Criterion;
  may(door: MeasuredDoor): boolean;
}

const WORKS: readonly Work[] = [
  {
    work: "a page that is told of what happens",
    by: STEADY_P50,
    may: (door) => door.suits.includes("browser"),
  },
  {
    work: "a page that talks both ways: chat, editing together, a game's lobby",
    by: STEADY_P50,
    may: (door) => door.suits.includes("browser") && door.isTwoWay === true,
  },
  { work: "one channel, a large audience", by: WIDE, may: (door) => door.suits.includes("browser") },
  {
    work: "many connections that are quiet most of the time",
    by: IDLE,
    may: (door) => door.suits.includes("browser"),
  },
  {
    work: "a device that hears little, over a line that is paid by the byte",
    by: SMALL_BYTES,
    may: (door) => door.suits.includes("device"),
  },
  {
    work: "a device that sends measurements",
    by: PUBLISH_ALONE,
    may: (door) => door.suits.includes("device"),
  },
  {
    work: "a line that loses packets",
    by: LOSS,
    may: (door) => door.suits.length > 0,
  },
  { work: "a service that follows every event", by: HIGHEST, may: (door) => door.suits.includes("server") },
  {
    work: "a service that publishes many events",
    by: PUBLISH_TOGETHER,
    may: (door) => door.suits.includes("server"),
  },
  {
    work: "a reader that was away and has much to make up for",
    by: CATCH_UP,
    may: (door) => door.suits.length > 0,
  },
];

/** The doors of a work, the best first. */
function rank({ doors }: DoorFigures, { by, may }: Pick<Work, "by" | "may">): readonly Ranked[] {
  const allowed = new Set(
    DOORS.filter((door) => may(door) && (by.withPolled === true || door.isPolled !== true)).map(
      ({ name }) => name,
    ),
  );
  const ranked = doors.flatMap((door) => {
    const value = by.value(door);
    return value === undefined || !allowed.has(door.name) ? [] : [{ title: door.title, value }];
  });
  return ranked.sort((a, b) => (by.isLowerBetter ? a.value - b.value : b.value - a.value));
}

/** Whether one run cannot tell the two apart. */
function isTie(best: Ranked, { value }: Ranked, { noise, isLowerBetter }: Criterion): boolean {
  return isLowerBetter ? value <= best.value * (1 + noise) : value >= best.value / (1 + noise);
}

/** The table of the first page: for each work the door that did it best, those that one run cannot tell from it, and the next ones. */
export function chooseDoors(figures: DoorFigures): Table {
  const say = ({ title, value }: Ranked, { unit }: Criterion) => `${title} (${amount(value, unit)?.text})`;
  return {
    columns: ["work", "take", "measured by", "as good, within noise", "next best", "worst of those that can"],
    rows: WORKS.flatMap((work) => {
      const [best, ...others] = rank(figures, work);
      if (best === undefined) return [];
      const worst = others.at(-1);
      const ties = others.filter((one) => isTie(best, one, work.by));
      const next = others.slice(ties.length, ties.length + 2).map((one) => say(one, work.by));
      return [
        [
          work.work,
          `**${best.title}**`,
          `${work.by.what}: ${amount(best.value, work.by.unit)?.text}`,
          ties.map((one) => say(one, work.by)).join(", "),
          next.join(", "),
          worst === undefined || ties.includes(worst) ? "" : say(worst, work.by),
        ],
      ];
    }),
  };
}

/** The best of all doors by each criterion, in sentences. */
export function findBest(figures: DoorFigures): readonly string[] {
  const { scale } = figures;
  const may = (door: MeasuredDoor) => door.suits.length > 0;
  const tell = (by: Criterion, what: Said) => {
    const [best, next] = rank(figures, { by, may });
    if (best === undefined || next === undefined) return undefined;
    const before = named(isTie(best, next, by) ? "and as good, within noise," : "then");
    return sentence`${what}: ${named(best.title)} with ${amount(best.value, by.unit)}, ${before} ${named(next.title)} with ${amount(next.value, by.unit)}.`;
  };
  const delivery = figures.doors.find(({ name }) => name === "webhooks");
  const pushed =
    known(known(delivery?.read)?.steady)?.latencies.p50Ms ??
    known(known(delivery?.read)?.highest)?.latencies.p50Ms;
  return written(
    tell(STEADY_P50, named(`Least delay at ${scale.steadyPerSecond} events/s`)),
    tell(HIGHEST, named("Most events/s to one reader")),
    tell(WIDE, named(`Most deliveries/s to ${scale.fanOuts.at(-1)} subscribers`)),
    tell(SMALL_BYTES, named(`Fewest bytes for an event of ${scale.sizes[0]} B, both directions`)),
    tell(IDLE, named("Least memory for an idle subscriber")),
    tell(CATCH_UP, named(`Quickest through ${scale.backlogEvents} missed events`)),
    tell(LOSS, named("Least delay added by a lost packet")),
    tell(PUBLISH_ALONE, named("Quickest acknowledgement of one publish")),
    tell(PUBLISH_TOGETHER, named(`Most publishes/s, ${scale.publishWindow} under way`)),
    sentence`Where the reader is somebody else's server and not connected, webhooks push: ${amount(pushed, "ms")} to the arrival, in order and signed.`,
    "Where each event is work for one of many, take the queue: a lease hands it to one consumer, and back to another where it is not acknowledged.",
  );
}
