/**
 * One part of the comparison: what it measures, and what the report says of it. Measuring and telling are apart, so that
 * the report can be written again from kept figures, and so that no sentence can hold a number that was not measured.
 */
export interface Chapter<Figures> {
  /** What `--only` takes, and the key of its figures in `docs/comparison/figures.json`. */
  readonly name: string;
  readonly title: string;
  /** How long it takes in a whole run, in seconds: what the progress display counts with. */
  readonly budgetSeconds: number;
  /** Takes the figures, which are plain JSON. What cannot be measured here is in them with the reason. */
  measure(lab: Lab): Promise<Figures>;
  /** Says what the figures say. Every number in it comes from them. */
  describe(figures: Figures): Telling;
}

/** What a chapter is given to measure with. */
export interface Lab {
  /** A run that only proves that everything works: every part once, as short as can be. */
  readonly isQuick: boolean;
  readonly signal: AbortSignal;
  /** @param done from 0 to 1 */
  progress(done: number, label: string): void;
}

export interface Telling {
  /** Sentences for the first page: which protocol or stack is best for what, and by how much. */
  readonly findings: readonly string[];
  /** A table for the first page: what to take for which work. */
  readonly choices?: Table;
  /** What could not be measured in this run, and why, a sentence each: the report says so on its first page. */
  readonly missing?: readonly string[];
  readonly parts: readonly Part[];
}

export interface Part {
  readonly title: string;
  /** How it was measured and what follows, a paragraph each, in Markdown. */
  readonly paragraphs: readonly string[];
  readonly tables: readonly Table[];
  readonly charts: readonly Chart[];
}

export interface Table {
  readonly caption?: string;
  readonly columns: readonly string[];
  /** Numbers are rounded and aligned by whoever writes the table; undefined is what was not measured. */
  readonly rows: readonly (readonly (string | number | undefined)[])[];
}

/** Horizontal bars in groups; written as an SVG that is readable on a light and on a dark page. */
export interface Chart {
  /** The file's name, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly scale: "linear" | "log";
  readonly isLowerBetter: boolean;
  readonly groups: readonly ChartGroup[];
}

export interface ChartGroup {
  readonly label: string;
  readonly bars: readonly { readonly label: string; readonly value: number }[];
}
