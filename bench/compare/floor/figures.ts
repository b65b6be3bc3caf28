import type { Standing } from "../interleave.ts";

/** What the chapter measured; plain JSON. */
export interface FloorFigures {
  readonly doors: readonly DoorFigures[];
}

export interface DoorFigures {
  readonly name: string;
  readonly title: string;
  /** Its title for where there is little room. */
  readonly label: string;
  /** What one operation is. */
  readonly unit: string;
  /** What each side does, in a sentence or two. */
  readonly how: string;
  readonly ours: Standing;
  readonly floor: Standing;
  /** Load that is more than one operation at a time can show: what is done together counts here. */
  readonly isUnderLoad: boolean;
  /** Operations a second that were offered, where that is a bound. */
  readonly offered?: number;
  /** How often each side asked for data to be on the disk, for one operation; of doors that write, where strace may watch. */
  readonly syncs?: { readonly ours: number; readonly floor: number };
}
