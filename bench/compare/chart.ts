import type { Chart } from "./chapter.ts";
import { formatNumber } from "./sentence.ts";

const WIDTH = 760;
const LABEL_WIDTH = 190;
const VALUE_WIDTH = 90;
const BAR_HEIGHT = 14;
const BAR_GAP = 3;
const GROUP_GAP = 9;
const TOP = 54;
const LEGEND_HEIGHT = 22;
const AXIS_HEIGHT = 26;
/** Told apart by those who see few colours too, with enough contrast on white and on black (Okabe and Ito, darkened). */
const LIGHT = ["#0072b2", "#c04f00", "#007a57", "#a8508a"];
const DARK = ["#56b4e9", "#f09a48", "#33c79a", "#e09ac8"];

/** Where bars end, as a part of the room that they have. */
interface Axis {
  part(value: number): number;
  readonly ticks: readonly number[];
}

/**
 * Draws a chart as SVG. It follows the colours of the reader's system, has no background of its own, and says what it shows in its
 * title and description for those who do not see it.
 */
export function drawChart(chart: Chart): string {
  const series = seriesOf(chart);
  const hasLegend = series.length > 1;
  const axis = toAxis(chart);
  const room = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
  const top = TOP + (hasLegend ? LEGEND_HEIGHT : 0);
  const bars: string[] = [];
  let y = top;
  for (const group of chart.groups) {
    const height = Math.max(1, group.bars.length) * (BAR_HEIGHT + BAR_GAP) - BAR_GAP;
    bars.push(text(LABEL_WIDTH - 8, y + height / 2 + 4, group.label, "end"));
    for (const bar of group.bars) {
      const width = Math.max(1, axis.part(bar.value) * room);
      const colour = Math.max(0, series.indexOf(bar.label)) % LIGHT.length;
      bars.push(
        `<rect class="s${colour}" x="${LABEL_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>`,
        text(LABEL_WIDTH + width + 5, y + BAR_HEIGHT - 3, formatNumber(bar.value), "start", "value"),
      );
      y += BAR_HEIGHT + BAR_GAP;
    }
    y += (group.bars.length === 0 ? BAR_HEIGHT : 0) + GROUP_GAP;
  }
  const ticks = axis.ticks.flatMap((tick) => {
    const x = LABEL_WIDTH + axis.part(tick) * room;
    return [
      `<line class="grid" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${top - 4}" y2="${y}"/>`,
      text(x, y + 15, formatNumber(tick), "middle", "tick"),
    ];
  });
  const legend = hasLegend
    ? series.flatMap((label, index) => {
        const x = LABEL_WIDTH + index * Math.min(150, (WIDTH - LABEL_WIDTH) / series.length);
        return [
          `<rect class="s${index % LIGHT.length}" x="${x}" y="${TOP - 4}" width="12" height="12" rx="2"/>`,
          text(x + 17, TOP + 6, label, "start"),
        ];
      })
    : [];
  const better = chart.isLowerBetter ? "less is better" : "more is better";
  const scale = chart.scale === "log" ? ", logarithmic scale" : "";
  const height = y + AXIS_HEIGHT;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title desc">
<title id="title">${escapeXml(chart.title)}</title>
<desc id="desc">${escapeXml(describe(chart, `${chart.unit}, ${better}${scale}`))}</desc>
<style>${style()}</style>
${text(8, 20, chart.title, "start", "title")}
${text(8, 38, `${chart.unit}; ${better}${scale}`, "start", "tick")}
${[...legend, ...ticks, ...bars].join("\n")}
</svg>
`;
}

function seriesOf(chart: Chart): readonly string[] {
  return [...new Set(chart.groups.flatMap((group) => group.bars.map((bar) => bar.label)))];
}

function toAxis({ groups, scale }: Chart): Axis {
  const values = groups.flatMap((group) => group.bars.map((bar) => bar.value));
  // Where all is nothing, any scale shows it.
  const most = Math.max(...values, 0) || 1;
  if (scale === "linear") {
    const step = roundStep(most / 4);
    const end = Math.max(step, Math.ceil(most / step) * step);
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step);
    return { part: (value) => Math.max(0, value) / end, ticks };
  }
  const above = values.filter((value) => value > 0);
  // Below the smallest, so that it has a bar.
  const low = Math.ceil(Math.log10(Math.min(...above, most))) - 1;
  const high = Math.max(low + 1, Math.ceil(Math.log10(most)));
  const ticks = Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index));
  // What is nothing has no place on such a scale, and stands at its beginning.
  return {
    part: (value) => (value <= 0 ? 0 : Math.min(1, Math.max(0, (Math.log10(value) - low) / (high - low)))),
    ticks,
  };
}

/** The next of 1, 2, 5, 10, 20, ... */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10);
}

function describe(chart: Chart, unit: string): string {
  const groups = chart.groups.map(({ label, bars }) => {
    const values = bars.map((bar) =>
      bars.length === 1 ? formatNumber(bar.value) : `${bar.label} ${formatNumber(bar.value)}`,
    );
    return `${label}: ${values.join(", ") || "not measured"}`;
  });
  return `Horizontal bars, ${unit}. ${groups.join("; ")}.`;
}

function style(): string {
  const fills = (colours: readonly string[]) =>
    colours.map((colour, index) => `.s${index}{fill:${colour}}`).join("");
  return [
    "text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-size:15px;font-weight:600}",
    ".tick,.value{font-size:11px;fill:#57606a}.grid{stroke:#d0d7de;stroke-width:1}",
    fills(LIGHT),
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.tick,.value{fill:#9da7b1}.grid{stroke:#3d444d}",
    `${fills(DARK)}}`,
  ].join("");
}

function text(x: number, y: number, content: string, anchor: string, kind = "label"): string {
  return `<text class="${kind}" x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function escapeXml(content: string): string {
  return content
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
