import { GuideError } from "./guide-error.ts";
import type { Grade, Protocol, ProtocolId, UseId } from "./protocol.ts";
import { GRADES } from "./protocol.ts";
import { PROTOCOLS, protocolOf } from "./protocols.ts";
import type { Option, QuestionId } from "./question.ts";
import { QUESTIONS } from "./questions.ts";
import { USES } from "./uses.ts";

/** The ids of the options chosen; a question that is not answered is left out. */
export type Answers = Readonly<Partial<Record<QuestionId, string>>>;

export interface Ranked {
  readonly protocol: ProtocolId;
  readonly name: string;
  readonly score: number;
  /** What speaks for it, the strongest first. */
  readonly reasons: readonly string[];
  /** What speaks against it. */
  readonly cautions: readonly string[];
}

export interface Choice {
  readonly answers: Answers;
  readonly choice: Ranked;
  readonly runnerUp: Ranked;
  /** When to take the runner-up instead: sentences that go on from "Take it when". */
  readonly insteadWhen: readonly string[];
  /** All that are possible, the choice first. */
  readonly ranking: readonly Ranked[];
  readonly ruledOut: readonly {
    readonly protocol: ProtocolId;
    readonly name: string;
    readonly reason: string;
  }[];
}

/** Points of a cell of the matrix: a poor one should not be outweighed by one pleasant answer. */
const GRADE_POINTS: Readonly<Record<Grade, number>> = { best: 6, good: 4, fair: 1, poor: -4 };

/**
 * Reads answers from words, such as a query's or a command's.
 *
 * @throws GuideError where a question or an option does not exist
 */
export function parseAnswers(words: Readonly<Record<string, unknown>>): Answers {
  const answers: Partial<Record<QuestionId, string>> = {};
  for (const [name, value] of Object.entries(words)) {
    if (value === undefined) continue;
    const question = QUESTIONS.find(({ id }) => id === name);
    if (question === undefined) {
      throw new GuideError(`There is no question '${name}': there are ${list(QUESTIONS)}.`);
    }
    if (!question.options.some(({ id }) => id === value)) {
      throw new GuideError(
        `'${String(value)}' is no answer to '${name}': there are ${list(question.options)}.`,
      );
    }
    answers[question.id] = String(value);
  }
  return answers;
}

/**
 * Ranks the protocols for what was answered, and says why. Without a use, they are ranked by how many uses they suit.
 *
 * @throws GuideError where an answer does not exist
 * @example choose({ use: "chat", client: "browser" }).choice.protocol // "websocket"
 */
export function choose(answers: Answers): Choice {
  const options = chosenOptions(parseAnswers(answers));
  const ruledOut: Choice["ruledOut"][number][] = [];
  const ranked: Ranked[] = [];
  for (const protocol of PROTOCOLS) {
    const said = [toUseWeight(protocol, answers.use as UseId | undefined)];
    let reason: string | undefined;
    for (const { weights } of options) {
      const weight = weights[protocol.id];
      if (weight === undefined) continue;
      if ("never" in weight) reason ??= weight.never;
      else said.push(weight);
    }
    const { id, name } = protocol;
    if (reason === undefined) ranked.push(toRanked(protocol, said));
    else ruledOut.push({ protocol: id, name, reason });
  }
  const ranking = ranked.toSorted((a, b) => b.score - a.score || generality(b) - generality(a));
  const [first, second] = ranking;
  if (first === undefined || second === undefined) throw new Error("The questions rule out every protocol.");
  const insteadWhen = protocolOf(second.protocol).chooseWhen;
  return { answers, choice: first, runnerUp: second, insteadWhen, ranking, ruledOut };
}

interface Said {
  readonly points: number;
  readonly why: string;
}

function toUseWeight({ fits, id }: Protocol, use: UseId | undefined): Said {
  if (use !== undefined) return { points: GRADE_POINTS[fits[use].grade], why: fits[use].reason };
  const suited = USES.filter((known) => GRADES.indexOf(fits[known.id].grade) < 2);
  const names = suited.map(({ name }) => name.toLowerCase()).join(", ");
  const why = suited.length === 0 ? "It suits few uses well." : `It suits ${names}.`;
  return { points: Math.round(generality({ protocol: id }) / 10), why };
}

/** How well it does over all uses: what decides where nothing else does. */
function generality({ protocol }: Pick<Ranked, "protocol">): number {
  return Object.values(protocolOf(protocol).fits).reduce((sum, { grade }) => sum + GRADE_POINTS[grade], 0);
}

function toRanked({ id, name }: Protocol, said: readonly Said[]): Ranked {
  const strongestFirst = said.toSorted((a, b) => Math.abs(b.points) - Math.abs(a.points));
  return {
    protocol: id,
    name,
    score: said.reduce((sum, { points }) => sum + points, 0),
    reasons: strongestFirst.filter(({ points }) => points > 0).map(({ why }) => why),
    cautions: strongestFirst.filter(({ points }) => points <= 0).map(({ why }) => why),
  };
}

function chosenOptions(answers: Answers): readonly Option[] {
  return QUESTIONS.flatMap(({ id, options }) => options.filter((option) => option.id === answers[id]));
}

function list(named: readonly { readonly id: string }[]): string {
  return named.map(({ id }) => id).join(", ");
}
