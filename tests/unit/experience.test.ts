import { describe, expect, it } from "vitest";
import { toResumption } from "../../bench/compare/experience/cut-trial.ts";
import { describeExperience } from "../../bench/compare/experience/describe.ts";
import type { ClientFigures } from "../../bench/compare/experience/figures.ts";
import { countLines, measureSource } from "../../bench/compare/experience/source.ts";

describe("what became of the events over a cut", () => {
  const published = ["1", "2", "3"];

  it("is complete where each came once", () => {
    expect(toResumption({ published, printed: ["1", "2", "3"] })).toBe("complete");
  });

  it("tells one that came twice from one that never came", () => {
    expect(toResumption({ published, printed: ["1", "2", "2", "3"] })).toBe("repeats");
    expect(toResumption({ published, printed: ["1", "1", "2"] })).toBe("stops");
  });
});

describe("the source of a client", () => {
  it("has as many lines as are neither blank nor a comment", () => {
    expect(countLines('import a from "a";\n\n// why\n/**\n * what\n */\na();\n')).toBe(2);
  });

  it("counts what it runs beside it, and no package where it needs none", async () => {
    const { lines, packages, allPackages, installedKib, browserBytes } = await measureSource("websocket");
    expect(lines).toBeGreaterThan(30);
    expect({ packages, allPackages, installedKib }).toEqual({
      packages: [],
      allPackages: 0,
      installedKib: 0,
    });
    expect(browserBytes).toBeLessThan(1024);
  });

  it("counts a package with all that it depends on", async () => {
    const { packages, allPackages, installedKib, browserBytes } = await measureSource("graphql-ws");
    expect(packages).toEqual(["graphql-ws"]);
    // It needs graphql beside it.
    expect(allPackages).toBe(2);
    expect(installedKib).toBeGreaterThan(1000);
    expect(browserBytes).toBeGreaterThan(1024);
  });

  it("says what keeps it out of a browser", async () => {
    expect((await measureSource("udp")).browserBytes).toBe("needs node:dgram");
  });
});

describe("what is said of the clients", () => {
  const client = (name: string, more: Partial<ClientFigures>): ClientFigures => ({
    name,
    file: name,
    source: { lines: 40, packages: [], allPackages: 0, installedKib: 0, browserBytes: 500 },
    resumption: "complete",
    isOrdered: true,
    ...more,
  });
  const { findings, parts } = describeExperience({
    clients: [
      client("A", { alone: "complete", proxies: { plain: true, holding: true } }),
      client("B", { alone: "stops", proxies: { plain: false, holding: false } }),
      client("C", { resumption: "repeats", alone: "repeats", isOrdered: false }),
    ],
  });

  it("names who goes on by itself, and who is not correct", () => {
    expect(findings).toContain(
      "A goes on after a cut with no gap and no repeat without code for it: 1 of 3.",
    );
    expect(findings).toContain("Through a proxy that holds answers back, what still works is A.");
    expect(findings).toContain("Not correct in this run: C (repeats).");
  });

  it("has a row for each", () => {
    const stands = parts[0]?.tables[1]?.rows.map((row) => row.slice(0, 4));
    expect(stands).toEqual([
      ["A", "by itself", "yes", "yes"],
      ["B", "with code; alone it stops", "no", "no"],
      ["C", "fails: it repeats", "not TCP", "not TCP"],
    ]);
  });
});
