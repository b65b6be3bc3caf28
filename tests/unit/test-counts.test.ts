import { describe, expect, it } from "vitest";
import { countTests, formatCounts } from "../../scripts/test-counts.ts";

const passing = {
  numPassedTests: 3,
  numFailedTests: 0,
  numPendingTests: 1,
  numTodoTests: 1,
  testResults: [{ status: "passed", assertionResults: [{ status: "passed" }] }],
};

describe("the line that ends npm test", () => {
  it("counts what passed and what was skipped", () => {
    expect(formatCounts(countTests(passing, true))).toBe("3 passed, 0 failed, 2 skipped");
  });

  it("counts a file that cannot be loaded as a failure", () => {
    const report = { ...passing, testResults: [{ status: "failed", assertionResults: [] }] };
    expect(countTests(report, false).failed).toBe(1);
  });

  it("does not count a file again whose failed tests are counted", () => {
    const testResults = [
      { status: "failed", assertionResults: [{ status: "failed" }, { status: "failed" }] },
    ];
    expect(countTests({ ...passing, numFailedTests: 2, testResults }, false).failed).toBe(2);
  });

  it("never says that nothing failed where vitest failed", () => {
    expect(countTests(passing, false).failed).toBe(1);
    expect(countTests(undefined, false).failed).toBe(1);
  });
});
