import type { Chapter } from "../chapter.ts";
import { describeFloor } from "./describe.ts";
import type { FloorFigures } from "./figures.ts";
import { measureFloor } from "./measure.ts";

/** Everywire beside a bare workerd that does the same: what the project itself costs, door by door. */
export const floor: Chapter<FloorFigures> = {
  name: "floor",
  title: "The floor",
  budgetSeconds: 90,
  measure: (lab) => measureFloor(lab),
  describe: describeFloor,
};
