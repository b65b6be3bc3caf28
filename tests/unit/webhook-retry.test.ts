import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../core/limits.ts";
import type { AttemptOutcome } from "../../core/webhook-retry.ts";
import { addTry, backoffMs, judgeAttempt, NO_TRIES, parseRetryAfter } from "../../core/webhook-retry.ts";

const limits = { ...DEFAULT_LIMITS, WEBHOOK_MAX_ATTEMPTS: 3, WEBHOOK_UNREACHABLE_SECONDS: 60 };
const answered = (status: number, retryAfter: string | null = null): AttemptOutcome => ({
  kind: "answered",
  status,
  retryAfter,
  response: "",
  durationMs: 5,
});
const unreachable: AttemptOutcome = { kind: "unreachable", error: "gone", durationMs: 5 };
const timedOut: AttemptOutcome = { kind: "timed-out", error: "late", durationMs: 5 };

/** Attempts one after the other, each a second later; gives the last verdict. */
function judgeAll(outcomes: readonly AttemptOutcome[], stepMs = 1000, random = 0.5) {
  let tries = NO_TRIES;
  let nowMs = 1_000_000;
  let verdict: ReturnType<typeof judgeAttempt> | undefined;
  for (const outcome of outcomes) {
    tries = addTry(tries, outcome, nowMs);
    verdict = judgeAttempt(outcome, tries, limits, nowMs, random);
    nowMs += stepMs;
  }
  return { tries, verdict };
}

describe("an attempt", () => {
  it.each([200, 201, 204, 299])("was good with %d", (status) => {
    expect(judgeAll([answered(status)]).verdict).toEqual({ kind: "delivered" });
  });

  it.each([100, 301, 307, 400, 404, 429, 500, 503, 521])("is made again after %d", (status) => {
    expect(judgeAll([answered(status)]).verdict).toMatchObject({ kind: "retry" });
  });

  it("is the last one with 410, or where the address must not be called", () => {
    expect(judgeAll([answered(410)]).verdict).toMatchObject({ kind: "disable" });
    const refused: AttemptOutcome = { kind: "refused", error: "private", durationMs: 0 };
    expect(judgeAll([refused]).verdict).toEqual({ kind: "disable", reason: "private" });
  });

  it("is the last one after so many answers, however often nobody answered in between", () => {
    const { verdict, tries } = judgeAll([
      answered(500),
      unreachable,
      unreachable,
      unreachable,
      timedOut,
      answered(522),
      answered(500),
    ]);
    expect(tries).toEqual({ attempt: 7, failures: 3, unreachableSinceMs: undefined });
    expect(verdict).toEqual({ kind: "dead-letter" });
  });

  it("is made for so long where nobody answers, and no longer", () => {
    expect(judgeAll(Array(60).fill(unreachable)).verdict).toMatchObject({ kind: "retry" });
    expect(judgeAll(Array(61).fill(unreachable)).verdict).toEqual({ kind: "dead-letter" });
  });

  it("counts the time anew when somebody has answered", () => {
    const outcomes = [...Array(50).fill(unreachable), answered(500), ...Array(50).fill(unreachable)];
    expect(judgeAll(outcomes).verdict).toMatchObject({ kind: "retry" });
  });
});

describe("the wait for the next attempt", () => {
  it("doubles its bound up to the longest, and is any time up to it", () => {
    const bounds = [1, 2, 3, 4, 12, 13, 20].map((attempt) => backoffMs(attempt, DEFAULT_LIMITS, 1));
    expect(bounds).toEqual([1000, 2000, 4000, 8000, 2_048_000, 3_600_000, 3_600_000]);
    expect(backoffMs(4, DEFAULT_LIMITS, 0.25)).toBe(2000);
    expect(backoffMs(2000, DEFAULT_LIMITS, 1)).toBe(3_600_000);
  });

  it("is no shorter than the receiver asks, and no longer than it may ask", () => {
    const delay = (text: string) => judgeAll([answered(503, text)]).verdict;
    expect(delay("120")).toEqual({ kind: "retry", delayMs: 120_000 });
    expect(delay("0")).toEqual({ kind: "retry", delayMs: 500 });
    expect(delay("999999999")).toEqual({ kind: "retry", delayMs: 3_600_000 });
  });

  it.each([
    ["7", 7000],
    [" 7 ", 7000],
    ["Thu, 01 Jan 1970 00:00:30 GMT", 20_000],
    ["Thursday, 01-Jan-70 00:00:30 GMT", 20_000],
    ["Thu, 01 Jan 1970 00:00:01 GMT", 0],
    ["-1", undefined],
    ["5.5", undefined],
    ["soon", undefined],
    ["", undefined],
    [null, undefined],
  ])("reads Retry-After: %j", (text, expected) => {
    expect(parseRetryAfter(text, 10_000)).toBe(expected);
  });
});
