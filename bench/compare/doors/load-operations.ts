import type { Latencies } from "../statistics.ts";
import type { Place, Traffic } from "./place.ts";

/** What the process that makes load is asked for, by name, and what it answers. All of it is plain JSON. */
export interface LoadOperations {
  /** Opens readers of channels, one after the other for times or many at once. Counts from zero. */
  openReaders: (asked: {
    readonly readers: readonly { readonly door: string; readonly channel: string }[];
    readonly after: string;
  }) => { readonly openMs: number };
  closeReaders: (asked: Record<string, never>) => Record<string, never>;
  /** Connects and leaves, again and again: until live, and until the first event that was there already. */
  timeOpening: (asked: { readonly door: string; readonly channel: string; readonly times: number }) => {
    readonly connect: Latencies | undefined;
    readonly firstEvent: Latencies | undefined;
  };
  /** Waits until readers have so many events in all, or the time is over; then counts anew. */
  collect: (asked: { readonly count: number; readonly timeoutMs: number }) => Collected;
  /** Publishes at a pace, to each channel in turn, without waiting for answers; resolves when all are there. */
  publishPaced: (asked: {
    readonly channels: readonly string[];
    readonly perSecond: number;
    readonly durationMs: number;
    readonly dataBytes: number;
  }) => PacedPublishing;
  /** Publishes from within the readers' process, so that so many events are under way at a time. */
  fanOut: (asked: {
    readonly channel: string;
    readonly durationMs: number;
    readonly window: number;
    readonly dataBytes: number;
  }) => FanOut;
  /** Publishes one event at a time to the readers, and counts bytes. */
  countBytes: (asked: { readonly channel: string; readonly dataBytes: number; readonly events: number }) => {
    readonly perEvent: Traffic;
  };
  /** Publishes over a door as fast as its answers come, so many at a time. */
  publishLoop: (asked: {
    readonly door: string;
    readonly channel: string;
    readonly concurrency: number;
    readonly durationMs: number;
    readonly dataBytes: number;
    readonly most?: number;
  }) => PublishLoop;
  /** Reads what is there already. */
  catchUp: (asked: {
    readonly door: string;
    readonly channel: string;
    readonly after: string;
    readonly events: number;
  }) => { readonly elapsedMs: number; readonly receivedBytes: number };
}

/** What came to each reader, in the order in which they were opened. */
export interface Collected {
  readonly received: number;
  readonly readers: readonly { readonly received: number; readonly latencies: Latencies | undefined }[];
  /** Of all readers together. */
  readonly latencies: Latencies | undefined;
  /** Of all readers together, in ms. */
  readonly meanMs: readonly (number | undefined)[];
  readonly cpuMs: number;
  /** Why readers ended that should not have. */
  readonly ended: readonly string[];
}

export interface PacedPublishing {
  readonly sent: number;
  /** From the first to the last that was written. */
  readonly elapsedMs: number;
  /** From the last that was written to the last answer. */
  readonly answeredAfterMs: number;
  readonly cpuMs: number;
}

export interface FanOut {
  readonly events: number;
  readonly deliveries: number;
  readonly elapsedMs: number;
  readonly cpuMs: number;
}

export interface PublishLoop {
  readonly operations: number;
  readonly elapsedMs: number;
  readonly latencies: Latencies | undefined;
  readonly perEvent: Traffic;
  readonly cpuMs: number;
}

export type LoadName = keyof LoadOperations;

/** A line to the process that makes load. */
export interface LoadRequest {
  readonly place: Place;
  readonly name: LoadName;
  readonly asked: unknown;
}

/** Its answer. */
export type LoadAnswer = { readonly value: unknown } | { readonly failure: string };
