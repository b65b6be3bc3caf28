import type { Scale } from "./figures.ts";
import { POLL_INTERVAL_MS } from "./readers/polls.ts";

/** A whole run: about six minutes. */
export const FULL: Scale = {
  dataBytes: 128,
  openings: 12,
  slowPerSecond: 50,
  slowMs: 20_000,
  sideBySide: 7,
  steadyPerSecond: 500,
  steadyMs: 2000,
  searchMs: 500,
  searchMostPerSecond: 32_000,
  searchP99Ms: 100,
  searchDrainMs: 250,
  fanOuts: [1, 100, 1000],
  fanOutMs: 800,
  sizes: [10, 1024, 65_536],
  sizeEvents: 10,
  backlogEvents: 10_000,
  publishMs: 500,
  publishWindow: 16,
  lossPart: 0.05,
  lossPerSecond: 50,
  lossMs: 3000,
  pollIntervalMs: POLL_INTERVAL_MS,
};

/** Every part once, as short as can be. */
export const QUICK: Scale = {
  ...FULL,
  openings: 2,
  slowMs: 200,
  steadyMs: 200,
  searchMs: 100,
  searchMostPerSecond: 1000,
  fanOuts: [1, 5, 10],
  fanOutMs: 100,
  sizeEvents: 2,
  backlogEvents: 200,
  publishMs: 50,
  lossMs: 200,
};
