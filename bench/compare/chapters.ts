import type { Chapter } from "./chapter.ts";
import { cost } from "./cost/chapter.ts";
import { doors } from "./doors/chapter.ts";
import { experience } from "./experience/chapter.ts";
import { floor } from "./floor/chapter.ts";
import { peers } from "./peers/chapter.ts";

/** The comparison, in the order of the report. A line each. */
export const CHAPTERS: readonly Chapter<unknown>[] = [doors, floor, peers, experience, cost];
