import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { toInterval } from "../../bench/regression/interval.ts";
import { chooseBaseline } from "../../bench/regression/trees.ts";
import { toFinding, toVerdict } from "../../bench/regression/verdict.ts";
import { describeChanges } from "../../bench/report.ts";

describe("the interval of the sign test", () => {
  it("goes from the second smallest to the second largest of twelve ratios", () => {
    const ratios = [5, 1, 12, 3, 8, 2, 9, 4, 11, 6, 10, 7];
    // 1 - 2 (1 + 12) / 2^12
    expect(toInterval(ratios, 0.99)).toEqual({
      median: 6.5,
      low: 2,
      high: 11,
      confidence: 1 - 26 / 4096,
      rounds: 12,
    });
  });

  it("is the whole range, and says how sure that is, where there are too few rounds", () => {
    expect(toInterval([1, 3, 2], 0.99)).toEqual({ median: 2, low: 1, high: 3, confidence: 0.75, rounds: 3 });
  });

  it("has the true median in it as often as it says", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    let hits = 0;
    const RUNS = 4000;
    for (let run = 0; run < RUNS; run += 1) {
      // Skewed: the median of -ln(u) is ln 2.
      const { low, high } = toInterval(
        Array.from({ length: 12 }, () => -Math.log(random())),
        0.95,
      );
      if (low <= Math.LN2 && Math.LN2 <= high) hits += 1;
    }
    // 1 - 2 (1 + 12 + 66) / 2^12 = 0.961, and three standard deviations of the count around it.
    expect(hits / RUNS).toBeGreaterThan(0.951);
    expect(hits / RUNS).toBeLessThan(0.972);
  });
});

describe("what is named a change", () => {
  const interval = (median: number, low: number, high: number) => ({
    median,
    low,
    high,
    confidence: 0.99,
    rounds: 12,
  });

  it("is more CPU, and less of it", () => {
    expect(toVerdict(interval(1.2, 1.1, 1.3), "us of CPU")).toBe("worse");
    expect(toVerdict(interval(0.8, 0.7, 0.9), "us of CPU")).toBe("better");
  });

  it("is the other way round for a rate", () => {
    expect(toVerdict(interval(1.2, 1.1, 1.3), "per second")).toBe("better");
    expect(toVerdict(interval(0.8, 0.7, 0.9), "per second")).toBe("worse");
  });

  it("is none where the interval has 1 in it, or the change is small", () => {
    expect(toVerdict(interval(1.5, 0.99, 2), "us of CPU")).toBe("same");
    expect(toVerdict(interval(1.03, 1.02, 1.04), "us of CPU")).toBe("same");
  });

  it("pairs the samples of a round, so that a machine that slows down for both changes nothing", () => {
    const theirs = [100, 200, 400, 800, 1600, 3200, 6400, 12_800];
    const ours = theirs.map((value) => value * 1.1);
    const finding = toFinding({ path: "read", title: "Read", unit: "us of CPU", ours, theirs, bare: [] });
    expect(finding?.verdict).toBe("worse");
    expect(finding?.ratio?.low).toBeCloseTo(1.1);
    expect(describeChanges(finding === undefined ? [] : [finding])).toContain(
      "- worse: Read, us of CPU: +10.0% worse",
    );
  });

  it("has nothing to say of what was not measured on both sides", () => {
    const finding = toFinding({ path: "a", title: "A", unit: "KiB", ours: [3], theirs: [], bare: [] });
    expect(finding).toEqual({ path: "a", title: "A", unit: "KiB", ours: 3 });
    expect(describeChanges(finding === undefined ? [] : [finding]).join()).toMatch(/^Nothing changed/);
  });
});

describe("the commit that is measured against", () => {
  let clone: string | undefined;

  afterEach(() => {
    if (clone !== undefined) rmSync(clone, { recursive: true });
    clone = undefined;
  });

  const create = () => {
    const directory = mkdtempSync(join(tmpdir(), "everywire-clone-"));
    clone = directory;
    const git = (...options: readonly string[]) =>
      execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@b.example", ...options], {
        cwd: directory,
        encoding: "utf8",
      }).trim();
    const commit = (name: string) => {
      writeFileSync(join(directory, "file"), name);
      git("add", "file");
      git("commit", "--quiet", "-m", name);
      return git("rev-parse", "HEAD");
    };
    git("init", "--quiet", "--initial-branch=main");
    return { directory, git, commit };
  };

  it("is where the branch left main", async () => {
    const { directory, git, commit } = create();
    const fork = commit("one");
    git("checkout", "--quiet", "-b", "work");
    commit("two");
    commit("three");
    expect(await chooseBaseline(directory, undefined)).toMatchObject({ commit: fork });
  });

  it("is on main the commit before, or the last one where something is not committed yet", async () => {
    const { directory, commit } = create();
    const one = commit("one");
    expect(await chooseBaseline(directory, undefined)).toBe("the clone has one commit only");
    const two = commit("two");
    expect(await chooseBaseline(directory, undefined)).toMatchObject({ commit: one });
    writeFileSync(join(directory, "file"), "changed");
    expect(await chooseBaseline(directory, undefined)).toMatchObject({ commit: two });
  });

  it("is the one that was asked for, which has to be there", async () => {
    const { directory, commit } = create();
    const one = commit("one");
    commit("two");
    expect(await chooseBaseline(directory, "HEAD~1")).toMatchObject({ commit: one });
    await expect(chooseBaseline(directory, "nowhere")).rejects.toThrow("nowhere names no commit");
  });

  it("is none outside of a clone, where asking for one is a fault", async () => {
    clone = mkdtempSync(join(tmpdir(), "everywire-tarball-"));
    expect(await chooseBaseline(clone, undefined)).toBe("there is no git clone here");
    await expect(chooseBaseline(clone, "HEAD")).rejects.toThrow("no clone here");
  });
});
