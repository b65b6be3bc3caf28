import figures from "./figures.json" with { type: "json" };
import type { Via } from "./protocol.ts";

/** What was measured of one way to read a channel. Times are from just before the publish was sent to the event's arrival. */
export interface ViaFigures {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Until the reader was live. */
  readonly connectMs: number;
  /** Everything on the wire in both directions while events came, above TCP (above UDP for datagrams), for each event. */
  readonly bytesPerEvent: number;
  /** How many events the times are of. */
  readonly events: number;
}

/** A measurement by `everywire bench`. */
export interface Figures {
  /** RFC 3339. */
  readonly measuredAt: string;
  /** Processor, cores, memory, system. */
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  /** How it was measured, in a sentence or two. */
  readonly method: string;
  /** Of each event's data, as JSON. */
  readonly dataBytes: number;
  readonly vias: Partial<Readonly<Record<Via, ViaFigures>>>;
}

/** The latest measurement that was kept; undefined where there is none. */
export const FIGURES: Figures | undefined = (figures as Figures | null) ?? undefined;
