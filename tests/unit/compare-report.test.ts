import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { afterEach, describe, expect, it } from "vitest";
import type { Chapter, Chart, Telling } from "../../bench/compare/chapter.ts";
import { drawChart } from "../../bench/compare/chart.ts";
import type { Kept } from "../../bench/compare/kept.ts";
import { readKept } from "../../bench/compare/kept.ts";
import { toMarkdownTable } from "../../bench/compare/markdown.ts";
import { placeReport, writeReport } from "../../bench/compare/report.ts";
import { amount, formatNumber, named, sentence, written } from "../../bench/compare/sentence.ts";

describe("a sentence of the report", () => {
  it("takes its numbers from figures", () => {
    expect(sentence`${"SSE"} brings ${amount(12_345.6, "events/s")}.`).toBe("SSE brings 12,346 events/s.");
    expect(sentence`${named("HTTP/2")} takes ${amount(1.234, "ms")}, ${3} times.`).toBe(
      "HTTP/2 takes 1.23 ms, 3 times.",
    );
  });

  it("cannot have a number that is no figure", () => {
    expect(() => sentence`SSE brings 12,346 events/s.`).toThrow("has to come from a figure");
    expect(() => sentence`${"MQTT 5"} is quick.`).toThrow("has to come from a figure");
  });

  it("is not written where its figure is missing", () => {
    expect(sentence`It takes ${amount(undefined, "ms")}.`).toBeUndefined();
    expect(sentence`It takes ${amount(null, "ms")}.`).toBeUndefined();
    expect(sentence`It takes ${Number.NaN} ms.`).toBeUndefined();
    expect(written(sentence`It takes ${amount(undefined, "ms")}.`, "Yes.")).toEqual(["Yes."]);
  });

  it("rounds to what can be read", () => {
    expect([0, 0.01234, 1.2345, 12.345, 123.45, 1_234_567].map(formatNumber)).toEqual([
      "0",
      "0.012",
      "1.23",
      "12.3",
      "123",
      "1,234,567",
    ]);
  });
});

describe("a table of the report", () => {
  it("aligns numbers, and shows what was not measured", () => {
    const rows = [
      ["a|b", 1234.5],
      ["c", undefined],
    ];
    expect(toMarkdownTable({ caption: "Rates", columns: ["door", "per second"], rows })).toBe(
      "**Rates**\n\n| door | per second |\n| --- | ---: |\n| a\\|b | 1,235 |\n| c | - |",
    );
  });
});

const CHART: Chart = {
  name: "rates",
  title: "Rates & <more>",
  unit: "events/s",
  scale: "linear",
  isLowerBetter: false,
  groups: [
    {
      label: "SSE",
      bars: [
        { label: "one", value: 50 },
        { label: "two", value: 100 },
      ],
    },
    { label: "none", bars: [] },
  ],
};

/** The widths of the bars, the legend left out. */
function widths(svg: string): readonly number[] {
  return Array.from(
    svg.matchAll(/<rect class="s\d" x="190" y="[\d.]+" width="([\d.]+)" height="14"/g),
    ([, width]) => Number(width),
  );
}

describe("a chart of the report", () => {
  it("is XML that says what it shows to those who do not see it", () => {
    const svg = drawChart(CHART);
    expect(XMLValidator.validate(svg)).toBe(true);
    const parsed = new XMLParser({ ignoreAttributes: false }).parse(svg) as {
      readonly svg: Readonly<Record<string, unknown>>;
    };
    expect(parsed.svg).toMatchObject({
      "@_role": "img",
      "@_aria-labelledby": "title desc",
      title: { "#text": "Rates & <more>" },
      desc: {
        "#text": "Horizontal bars, events/s, more is better. SSE: one 50, two 100; none: not measured.",
      },
    });
    expect(svg).toContain("prefers-color-scheme:dark");
  });

  it("draws bars in proportion", () => {
    const [one = 0, two = 0] = widths(drawChart(CHART));
    expect(two / one).toBeCloseTo(2, 2);
  });

  it("draws powers of ten evenly on a logarithmic scale, and nothing at its beginning", () => {
    const bars = [1, 10, 100, 0].map((value) => ({ label: String(value), value }));
    const [one = 0, ten = 0, hundred = 0, none = 0] = widths(
      drawChart({ ...CHART, scale: "log", groups: [{ label: "all", bars }] }),
    );
    expect(ten - one).toBeCloseTo(hundred - ten, 0);
    expect(one).toBeGreaterThan(100);
    expect(none).toBe(1);
  });

  it("stays inside its frame, whatever it is given", () => {
    for (const value of [0, 1e-9, 1, 1e12]) {
      for (const scale of ["linear", "log"] as const) {
        const svg = drawChart({ ...CHART, scale, groups: [{ label: "x", bars: [{ label: "v", value }] }] });
        expect(svg).not.toMatch(/NaN|Infinity/);
        for (const width of widths(svg)) expect(width).toBeLessThanOrEqual(480);
      }
    }
  });
});

const TELLING: Telling = {
  findings: ["SSE is quick."],
  missing: ["MQTT: it was not there."],
  choices: { columns: ["work", "take"], rows: [["chat", "WebSocket"]] },
  parts: [{ title: "Rates", paragraphs: ["How."], tables: [], charts: [CHART] }],
};
const TAKEN: Chapter<unknown> = {
  name: "taken",
  title: "What was taken",
  budgetSeconds: 1,
  measure: () => Promise.resolve({ value: 7 }),
  describe: (figures) => {
    expect(figures).toEqual({ value: 7 });
    return TELLING;
  },
};
const FAILED: Chapter<unknown> = {
  ...TAKEN,
  name: "failed",
  title: "What failed",
  describe: () => expect.fail(),
};
const NEVER: Chapter<unknown> = { ...FAILED, name: "never", title: "What was never asked" };
const MACHINE = { processor: "P", cores: 2, memoryGib: 4, system: "Linux", versions: { node: "24" } };
const KEPT: Kept = {
  chapters: {
    taken: {
      takenAt: "2026-01-01T00:00:00Z",
      tookSeconds: 9,
      isQuick: false,
      machine: MACHINE,
      figures: { value: 7 },
    },
    failed: { takenAt: "2026-01-01T00:00:00Z", tookSeconds: 9, failure: "It fell over." },
  },
};

let directory: string | undefined;

afterEach(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
  directory = undefined;
});

describe("the report", () => {
  it("says on its first page what to take, what was found, and what is missing and why", () => {
    const report = writeReport(KEPT, [TAKEN, FAILED, NEVER]);
    const text = report["report.md"] ?? "";
    const firstPage = text.slice(0, text.indexOf("## What was taken"));
    expect(firstPage).toContain("| chat | WebSocket |");
    expect(firstPage).toContain("- SSE is quick.");
    expect(firstPage).toContain("- MQTT: it was not there.");
    expect(firstPage).toContain('"What failed" was not taken: It fell over.');
    expect(firstPage).toContain('"What was never asked" was not taken: it was not asked for.');
    expect(firstPage).toContain("2 cores of P, 4 GiB, Linux; node 24");
    expect(text).toContain("![Rates & <more>](rates.svg)");
    expect(Object.keys(report).sort()).toEqual(["figures.json", "rates.svg", "report.md"]);
  });

  it("can be written again from what is kept", () => {
    directory = mkdtempSync(join(tmpdir(), "everywire-report-"));
    const report = writeReport(KEPT, [TAKEN]);
    placeReport(report, directory);
    expect(writeReport(readKept(join(directory, "figures.json")), [TAKEN])).toEqual(report);
  });

  it("leaves no chart of an earlier one, and touches nothing else in its folder", () => {
    directory = mkdtempSync(join(tmpdir(), "everywire-report-"));
    writeFileSync(join(directory, "old.svg"), "<svg/>");
    writeFileSync(join(directory, "README.md"), "mine");
    placeReport(writeReport(KEPT, [TAKEN]), directory);
    expect(readdirSync(directory).sort()).toEqual(["README.md", "figures.json", "rates.svg", "report.md"]);
    expect(readFileSync(join(directory, "README.md"), "utf8")).toBe("mine");
  });

  it("begins with nothing where nothing is kept", () => {
    expect(readKept(join(tmpdir(), "everywire-no-such-report", "figures.json"))).toEqual({ chapters: {} });
  });
});
