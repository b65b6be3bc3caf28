import type { DoorEntry } from "../doors.ts";
import { COMPARED_DOORS, doorOf } from "../doors.ts";

/** The doors that were asked for, or all that can be compared. */
export function pickDoors(names: readonly string[]): readonly DoorEntry[] {
  return names.length === 0 ? COMPARED_DOORS : [...new Set(names)].map(doorOf);
}
