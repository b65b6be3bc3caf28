import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type UPlot from "uplot";
import { theme } from "../shell/theme.ts";
import { formatTick } from "./format.ts";
import type { Race } from "./race.ts";

const HEIGHT_PX = 240;

/** The median of each lane over the last minute, second by second. The library comes when a race first starts. */
export function LatencyChart({
  race,
  focused,
}: {
  readonly race: Race;
  readonly focused: string | undefined;
}) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const hasFailed = useSignal(false);
  const { value: shownTheme } = theme;
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are read when it is made, so another theme makes another
  useEffect(() => {
    let isWanted = true;
    let observer: ResizeObserver | undefined;
    const make = async () => {
      const { default: Plot } = await import("uplot");
      if (!isWanted || host.current === null) return;
      const element = host.current;
      plot.current = new Plot(toOptions(race, element), toData(race), element);
      observer = new ResizeObserver(() =>
        plot.current?.setSize({ width: element.clientWidth, height: HEIGHT_PX }),
      );
      observer.observe(element);
    };
    make().catch(() => {
      hasFailed.value = true;
    });
    return () => {
      isWanted = false;
      observer?.disconnect();
      plot.current?.destroy();
      plot.current = undefined;
    };
  }, [race, hasFailed, shownTheme]);
  useSignalEffect(() => {
    if (race.tick.value % 4 === 1) plot.current?.setData(toData(race));
  });
  useEffect(() => {
    for (const [index, { wire }] of race.lanes.entries()) {
      const isFaded = focused !== undefined && focused !== wire.name;
      plot.current?.setSeries(index + 1, { focus: focused === wire.name });
      const series = plot.current?.series[index + 1];
      if (series !== undefined) series.alpha = isFaded ? 0.15 : 1;
    }
    plot.current?.redraw();
  }, [race, focused]);
  if (hasFailed.value) return <p class="muted">The chart could not be loaded.</p>;
  return <div class="chart" ref={host} aria-hidden="true" />;
}

function toData({ history, lanes }: Race): UPlot.AlignedData {
  const columns = Array.from({ length: lanes.length + 1 }, (_, column) =>
    history.map((row) => row[column] ?? null),
  );
  return columns as unknown as UPlot.AlignedData;
}

function toOptions(race: Race, element: HTMLElement): UPlot.Options {
  const style = getComputedStyle(element);
  const muted = style.getPropertyValue("--muted");
  const line = style.getPropertyValue("--line");
  const axis = {
    stroke: muted,
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
    font: "12px system-ui",
  };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    scales: { x: { time: false }, y: { distr: 3 } },
    axes: [
      { ...axis, values: (_plot, ticks) => ticks.map((tick) => `${tick} s`) },
      {
        ...axis,
        size: 58,
        values: (_plot, ticks) => ticks.map((tick) => (tick === null ? "" : formatTick(tick))),
      },
    ],
    series: [
      {},
      ...race.lanes.map(({ wire }) => ({
        label: wire.title,
        stroke: style.getPropertyValue(`--lane-${wire.name}`),
        width: 1.75,
        spanGaps: false,
        points: { show: false },
      })),
    ],
  };
}
