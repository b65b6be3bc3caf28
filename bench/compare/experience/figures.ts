import type { CurlOutcome } from "./curl-trial.ts";
import type { CutOutcome, Resumption } from "./cut-trial.ts";
import type { SourceFigures } from "./source.ts";

/** What the chapter measured; plain JSON. */
export interface ExperienceFigures {
  readonly clients: readonly ClientFigures[];
}

export interface ClientFigures {
  readonly name: string;
  readonly file: string;
  readonly source: SourceFigures;
  /** What the whole file made of a cut. */
  readonly resumption: Resumption;
  /**
   * What the protocol and its library made of it, without the file's own code for that; the same where it has none, and left
   * out where it has nothing else.
   */
  readonly alone?: Resumption;
  /** Whether the order was kept. */
  readonly isOrdered: boolean;
  /** Kept where something was lost or came twice. */
  readonly cut?: CutOutcome;
  /** Through a proxy that knows no Upgrade, and one that holds answers back; left out where nothing of it is TCP. */
  readonly proxies?: { readonly plain: boolean; readonly holding: boolean };
  /** Left out where there is no command. */
  readonly curl?: CurlOutcome;
}
