import type { Latencies } from "../statistics.ts";
import type { Traffic } from "./place.ts";

/** What a step gave, or why it gave nothing. */
export type Measured<T> = T | { readonly missing: string };

/** All that is known of our own doors. */
export interface DoorFigures {
  readonly scale: Scale;
  readonly doors: readonly OneDoor[];
  /** What publishing costs the server while nobody reads, at the rate of `steady`; in microseconds of CPU. */
  readonly publishOnlyCpuUs: number | undefined;
}

/** How much was done: part of what the figures mean. */
export interface Scale {
  readonly dataBytes: number;
  readonly openings: number;
  readonly slowPerSecond: number;
  readonly slowMs: number;
  /** Doors that are measured side by side at the slow rate, in turns. */
  readonly sideBySide: number;
  readonly steadyPerSecond: number;
  readonly steadyMs: number;
  readonly searchMs: number;
  /** Where the search ends, whatever is sustained. */
  readonly searchMostPerSecond: number;
  readonly searchP99Ms: number;
  readonly searchDrainMs: number;
  readonly fanOuts: readonly number[];
  readonly fanOutMs: number;
  readonly sizes: readonly number[];
  readonly sizeEvents: number;
  readonly backlogEvents: number;
  readonly publishMs: number;
  readonly publishWindow: number;
  readonly lossPart: number;
  readonly lossPerSecond: number;
  readonly lossMs: number;
  readonly pollIntervalMs: number;
}

export interface OneDoor {
  readonly name: string;
  readonly title: string;
  readonly read: Measured<ReadFigures> | undefined;
  readonly publish: Measured<PublishFigures> | undefined;
}

export interface ReadFigures {
  readonly opening: Measured<{
    readonly connect: Latencies | undefined;
    readonly firstEvent: Latencies | undefined;
  }>;
  readonly slow: Measured<Latencies>;
  readonly steady: Measured<Paced>;
  readonly highest: Measured<Highest>;
  readonly fanOuts: readonly Measured<FanOutFigure>[];
  readonly bytes: readonly Measured<Traffic>[];
  readonly idle: Measured<{ readonly subscribers: number; readonly bytesEach: number }>;
  readonly catchUp: Measured<{ readonly elapsedMs: number; readonly receivedBytes: number }>;
  readonly loss: Measured<LossFigure>;
}

/** Events at a pace to one reader. */
export interface Paced {
  readonly perSecond: number;
  readonly latencies: Latencies;
  /** Of the server, for publishing and delivering one event. */
  readonly serverCpuUs: number | undefined;
  /** Of the reader. */
  readonly clientCpuUs: number;
  /** How much of a core the reader used, from 0 to 1. */
  readonly clientBusy: number;
}

/** The highest rate that was sustained, and what ended the search. */
export interface Highest extends Paced {
  readonly limit: string;
}

export interface FanOutFigure {
  readonly subscribers: number;
  readonly deliveriesPerSecond: number;
  readonly eventsPerSecond: number;
  /** Of the server, for one delivery. */
  readonly serverCpuUs: number | undefined;
  readonly clientCpuUs: number;
  readonly clientBusy: number;
}

export interface LossFigure {
  readonly withoutP50Ms: number;
  readonly withP50Ms: number;
  readonly withoutP99Ms: number;
  readonly withP99Ms: number;
  /** How much later events came on average, for each packet in a hundred that was lost, in ms. */
  readonly meanLaterMs: number;
}

export interface PublishFigures {
  readonly alone: Measured<PublishRate>;
  readonly together: Measured<PublishRate>;
  readonly bytes: readonly Measured<Traffic>[];
}

export interface PublishRate {
  readonly perSecond: number;
  readonly latencies: Latencies;
  readonly serverCpuUs: number | undefined;
  readonly clientCpuUs: number;
  readonly clientBusy: number;
}

/** The figure; undefined where it is missing. */
export function known<T extends object>(measured: Measured<T> | undefined): T | undefined {
  return measured === undefined || "missing" in measured ? undefined : measured;
}
