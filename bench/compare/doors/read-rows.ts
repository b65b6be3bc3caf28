import type { Chart, ChartGroup } from "../chapter.ts";
import type { ReadFigures } from "./figures.ts";
import { FULL_PART } from "./search-highest.ts";

/** A door that was read, and what was measured of it. */
export interface Row {
  readonly title: string;
  readonly read: ReadFigures;
}

/** What a full core means: the client is what was measured. */
export function fullMark(busy: number | undefined): string {
  return busy !== undefined && busy > FULL_PART ? "client full" : "";
}

/** A chart of one figure, or a few, of each door that has it. */
export function chart(
  name: string,
  title: string,
  unit: string,
  isLowerBetter: boolean,
  rows: readonly Row[],
  toBars: (read: ReadFigures) => readonly { readonly label: string; readonly value: number | undefined }[],
): Chart {
  const groups = rows.flatMap(({ title: label, read }): ChartGroup[] => {
    const bars = toBars(read).flatMap((bar) =>
      bar.value === undefined ? [] : [{ label: bar.label, value: bar.value }],
    );
    return bars.length === 0 ? [] : [{ label, bars }];
  });
  return { name, title, unit, isLowerBetter, scale: "log", groups };
}
