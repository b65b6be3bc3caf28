import type { Telling } from "../chapter.ts";
import { chooseDoors, findBest } from "./choices.ts";
import { describePublishing } from "./describe-publishing.ts";
import { describeReading } from "./describe-reading.ts";
import type { DoorFigures, Measured } from "./figures.ts";
import { known } from "./figures.ts";

/** Says what the figures of our doors say. */
export function describeDoors(figures: DoorFigures): Telling {
  return {
    choices: chooseDoors(figures),
    findings: findBest(figures),
    missing: listMissing(figures),
    parts: [...describeReading(figures), ...describePublishing(figures)],
  };
}

/** What was not measured, and why: the same reason once for all that it holds for. */
function listMissing({ doors, scale }: DoorFigures): readonly string[] {
  const reasons = new Map<string, string[]>();
  const note = (door: string, what: string, measured: Measured<object> | undefined) => {
    if (measured === undefined || !("missing" in measured)) return;
    const key = `${what}: ${measured.missing}`;
    reasons.set(key, [...(reasons.get(key) ?? []), door]);
  };
  for (const { title, read, publish } of doors) {
    note(title, "reading", read);
    note(title, "publishing", publish);
    const reading = known(read);
    if (reading !== undefined) {
      note(title, "opening", reading.opening);
      note(title, "slow events", reading.slow);
      note(title, "steady events", reading.steady);
      note(title, "the highest rate", reading.highest);
      note(title, "idle subscribers", reading.idle);
      note(title, "catching up", reading.catchUp);
      note(title, "lost packets", reading.loss);
      for (const [index, fanOut] of reading.fanOuts.entries()) {
        note(title, `deliveries to ${scale.fanOuts[index]}`, fanOut);
      }
      for (const [index, bytes] of reading.bytes.entries()) {
        note(title, `bytes of ${scale.sizes[index]} B, down`, bytes);
      }
    }
    const publishing = known(publish);
    if (publishing !== undefined) {
      note(title, "publishing one at a time", publishing.alone);
      note(title, "publishing several at a time", publishing.together);
      for (const [index, bytes] of publishing.bytes.entries()) {
        note(title, `bytes of ${scale.sizes[index]} B, up`, bytes);
      }
    }
  }
  return Array.from(reasons, ([reason, titles]) => `${titles.join(", ")}: ${reason}`);
}
