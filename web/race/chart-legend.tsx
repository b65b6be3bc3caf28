import { formatMs } from "./format.ts";
import type { Race } from "./race.ts";

interface ChartLegendProps {
  readonly race: Race;
  /** Of the race's history; undefined for the newest. */
  readonly row: number | undefined;
}

/** What the lines are, and where they stand in the second that is pointed at: the quickest first. */
export function ChartLegend({ race, row }: ChartLegendProps) {
  void race.tick.value;
  const values = race.history[row ?? race.history.length - 1];
  if (values === undefined) return null;
  const [second, ...medians] = values;
  const entries = race.lanes
    .map(({ wire }, index) => ({ wire, medianMs: medians[index] ?? undefined }))
    .filter((entry) => entry.medianMs !== undefined)
    .sort((a, b) => (a.medianMs ?? 0) - (b.medianMs ?? 0));
  return (
    <ul class="chart-legend">
      <li class="num muted">at {second} s</li>
      {entries.map(({ wire, medianMs }) => (
        <li key={wire.name}>
          <span class={`swatch lane-${wire.name}`} />
          {wire.title} <span class="num muted">{formatMs(medianMs ?? 0)}</span>
        </li>
      ))}
    </ul>
  );
}
