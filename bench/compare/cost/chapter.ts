import type { Chapter } from "../chapter.ts";
import { describeCost } from "./describe.ts";
import type { CostFigures } from "./figures.ts";
import { measureCost } from "./measure.ts";

/** What a million events cost on Cloudflare's price list. */
export const cost: Chapter<CostFigures> = {
  name: "cost",
  title: "Cost on Cloudflare",
  budgetSeconds: 100,
  measure: measureCost,
  describe: describeCost,
};
