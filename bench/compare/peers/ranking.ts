import type { Standing } from "../interleave.ts";
import { medianOf } from "../interleave.ts";

/** The subject that the others are compared with. */
export const OURS = "Everywire";

export interface Ranked {
  readonly name: string;
  readonly perSecond: number;
}

/** The fastest first; without those that have no figure. */
export function rank(standings: readonly Standing[]): readonly Ranked[] {
  return standings
    .flatMap(({ name, rounds }) => {
      const perSecond = medianOf(rounds, "perSecond");
      return perSecond === undefined ? [] : [{ name, perSecond }];
    })
    .sort((a, b) => b.perSecond - a.perSecond);
}
