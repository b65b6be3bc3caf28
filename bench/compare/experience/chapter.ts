import type { Chapter } from "../chapter.ts";
import { describeExperience } from "./describe.ts";
import type { ExperienceFigures } from "./figures.ts";
import { measureExperience } from "./measure.ts";

/** What it takes to write a client, and what that client stands. */
export const experience: Chapter<ExperienceFigures> = {
  name: "experience",
  title: "Developer experience",
  budgetSeconds: 70,
  measure: measureExperience,
  describe: describeExperience,
};
