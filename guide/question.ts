import type { ProtocolId } from "./protocol.ts";

export const QUESTION_IDS = ["use", "client", "direction", "loss", "network", "contract"] as const;
export type QuestionId = (typeof QUESTION_IDS)[number];

/** What an answer says about one protocol. */
export type Weight =
  /** For it where positive, against it where negative. */
  | { readonly points: number; readonly why: string }
  /** It cannot be: the protocol is ruled out. */
  | { readonly never: string };

export interface Option {
  readonly id: string;
  readonly label: string;
  readonly weights: Partial<Readonly<Record<ProtocolId, Weight>>>;
}

/** A question that narrows the choice. The weights of `use` are the matrix itself, so its options have none. */
export interface Question {
  readonly id: QuestionId;
  readonly text: string;
  readonly options: readonly Option[];
}

type Weights = Option["weights"];

/** Says so many points, and why, of each of these. */
export function lean(points: number, why: string, ...ids: readonly ProtocolId[]): Weights {
  return Object.fromEntries(ids.map((id) => [id, { points, why }]));
}

/** Rules these out. */
export function never(why: string, ...ids: readonly ProtocolId[]): Weights {
  return Object.fromEntries(ids.map((id) => [id, { never: why }]));
}
