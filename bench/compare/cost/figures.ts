import type { Usage } from "./counted-server.ts";

/** What the chapter counted; plain JSON. */
export interface CostFigures {
  readonly publishing: readonly Counted[];
  readonly reading: readonly ReadingFigures[];
  /** Publishes a second in the reading runs: what keeps an object busy for the time it waits depends on it. */
  readonly perSecond: number;
  /** What the publishes of the reading runs use with nobody reading: taken off each. */
  readonly base: Usage;
  readonly baseEvents: number;
}

/** What so many events used. */
export interface Counted {
  readonly name: string;
  readonly events: number;
  readonly usage?: Usage;
  /** Why it could not be counted. */
  readonly failure?: string;
}

export interface ReadingFigures {
  readonly name: string;
  /** What the reader's share of so many events was: the publishes are taken off. */
  readonly byOne: Counted;
  readonly byMany: Counted & { readonly subscribers: number };
  /** What connecting used, for one subscriber. */
  readonly connecting?: Usage;
  /** What the many used while nothing was published. */
  readonly idle?: { readonly seconds: number; readonly usage: Usage };
}
