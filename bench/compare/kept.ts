import { readFileSync } from "node:fs";
import type { Machine } from "./machine.ts";

/** What `figures.json` holds of one chapter: its figures, or why there are none. */
export type KeptChapter = { readonly takenAt: string; readonly tookSeconds: number } & (
  | { readonly isQuick: boolean; readonly machine: Machine; readonly figures: unknown }
  | { readonly failure: string }
);

/** All that is known of a comparison: what the report is written from. */
export interface Kept {
  readonly chapters: Readonly<Record<string, KeptChapter>>;
}

/** Reads `figures.json`; without one there is nothing yet. @throws Error where it is no JSON */
export function readKept(path: string): Kept {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return { chapters: {} };
  }
  return JSON.parse(text) as Kept;
}
