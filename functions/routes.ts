import type { Door } from "./door.ts";
import { door as system } from "./system/index.ts";

/** The one table of doors. Deleting a line and its folder removes a protocol. */
export const doors: readonly Door[] = [system];
