import { FIGURES } from "./figures.ts";
import { GuideError } from "./guide-error.ts";
import type { Fit, ProtocolId, UseId } from "./protocol.ts";
import { GRADES, PROTOCOL_IDS, USE_IDS } from "./protocol.ts";
import { PROTOCOLS } from "./protocols.ts";
import { QUESTIONS } from "./questions.ts";
import { USES } from "./uses.ts";

/** Which part of the guide is wanted; all of it where nothing is named. */
export interface GuideFilter {
  readonly use?: UseId | undefined;
  readonly protocol?: ProtocolId | undefined;
}

/**
 * Reads a filter from words.
 *
 * @throws GuideError where there is no such use or protocol
 */
export function parseGuideFilter(words: {
  readonly use?: string | null | undefined;
  readonly protocol?: string | null | undefined;
}): GuideFilter {
  return {
    use: parseWord("use", words.use, USE_IDS),
    protocol: parseWord("protocol", words.protocol, PROTOCOL_IDS),
  };
}

/** The guide as one document. With a use, only its column is there and the protocols come in its order, the best first. */
export function toGuide({ use, protocol }: GuideFilter = {}) {
  const protocols = PROTOCOLS.filter(({ id }) => protocol === undefined || id === protocol).map((entry) => ({
    ...entry,
    fits: use === undefined ? entry.fits : { [use]: entry.fits[use] },
    figures: Object.fromEntries(
      entry.vias.flatMap((via) => (FIGURES?.vias[via] === undefined ? [] : [[via, FIGURES.vias[via]]])),
    ),
  }));
  const rank = ({ fits }: (typeof protocols)[number]) =>
    use === undefined ? 0 : GRADES.indexOf((fits as Record<UseId, Fit>)[use].grade);
  const { vias: _, ...measurement } = FIGURES ?? { vias: undefined };
  return {
    grades: GRADES,
    uses: USES.filter(({ id }) => use === undefined || id === use),
    protocols: protocols.toSorted((a, b) => rank(a) - rank(b)),
    questions: QUESTIONS.map(({ id, text, options }) => ({
      id,
      text,
      options: options.map((option) => ({ id: option.id, label: option.label })),
    })),
    measurement: FIGURES === undefined ? undefined : measurement,
  };
}

/** The guide, as `GET /guide` gives it. */
export type Guide = ReturnType<typeof toGuide>;

function parseWord<T extends string>(
  name: string,
  word: string | null | undefined,
  words: readonly T[],
): T | undefined {
  if (word === null || word === undefined) return undefined;
  const found = words.find((known) => known === word);
  if (found === undefined) {
    throw new GuideError(`There is no ${name} '${word}' in the guide: there are ${words.join(", ")}.`);
  }
  return found;
}
