import { describe, expect, test } from "vitest";
import { parseCron } from "../../local/qstash/cron.ts";
import { parseDuration, parseRetryAfter } from "../../local/qstash/duration.ts";
import { countStart, isOpen, reopensAtMs } from "../../local/qstash/flow-control.ts";
import type { Answer } from "../../local/qstash/message.ts";
import { decideNext, toBackoffMs } from "../../local/qstash/retry.ts";
import { parseRetryDelay } from "../../local/qstash/retry-delay.ts";
import { LOCAL_BACKOFF } from "../../local/qstash/settings.ts";

const QSTASH_BACKOFF = { scale: 1, exponent: 2.5 };

describe("the expression of a retry delay", () => {
  test.each([
    ["1000", 3, 1000],
    ["1000 * (1 + retried)", 2, 3000],
    ["pow(2, retried) * 1000", 3, 8000],
    ["max(1000, pow(2, retried) * 100)", 0, 1000],
    ["min(10, 20, 3)", 0, 3],
    ["-(2 - 5) * 4 / 2", 0, 6],
    ["10 - 2 - 3", 0, 5],
    ["2 + 3 * 4", 0, 14],
    ["sqrt(abs(-16)) + floor(1.9) + ceil(1.1) + round(1.5)", 0, 9],
    ["exp(0)", 0, 1],
  ])("%s after %i is %i", (expression, retried, ms) => {
    expect(parseRetryDelay(expression).evaluate(retried)).toBe(ms);
  });

  test.each([
    "",
    "1000 +",
    "retried retried",
    "constructor",
    "toString()",
    "eval(1)",
    "pow(1)",
    "pow(1, 2, 3)",
    "sqrt()",
    "(1",
    "1)",
    "1e3",
    "1;2",
    "`x`",
    "process.exit()",
    "((((((".repeat(60),
  ])("%s is refused", (expression) => {
    expect(() => parseRetryDelay(expression)).toThrow(/Upstash-Retry-Delay/);
  });
});

describe("durations", () => {
  test.each([
    ["30s", 30_000],
    ["0.5s", 500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d10h30m", 124_200_000],
  ])("%s", (text, ms) => {
    expect(parseDuration("x", text)).toBe(ms);
  });

  test.each(["", "5", "-5s", "5 s", "5w", "s", ".5s", "9999999999s"])("'%s' is none", (text) => {
    expect(() => parseDuration("x", text)).toThrow(/x must be a duration/);
  });

  test.each([
    ["0", 0],
    ["10", 10_000],
    ["6m5s", 365_000],
    ["1.5s", 1500],
    ["250ms", 250],
    ["Sun, 27 Jun 2027 12:16:24 GMT", 24_000],
    ["Sun, 27 Jun 2021 12:16:24 GMT", 0],
    ["soon", undefined],
    ["2027", 2_027_000],
    ["-1", undefined],
  ])("a destination that says %s", (text, ms) => {
    expect(parseRetryAfter(text, Date.parse("2027-06-27T12:16:00Z"))).toBe(ms);
  });
});

describe("what becomes of a message", () => {
  const answer = (status: number, headers: Answer["headers"] = {}): Answer => ({
    status,
    headers,
    body: new Uint8Array(),
    error: undefined,
  });
  const decide = (retried: number, given: Answer, retryDelay?: string) =>
    decideNext({ retried, retries: 3, retryDelay }, given, QSTASH_BACKOFF, 0);

  test("is decided by the status, and by how many retries are left", () => {
    expect(decide(0, answer(204))).toEqual({ kind: "delivered" });
    expect(decide(3, answer(200))).toEqual({ kind: "delivered" });
    expect(decide(3, answer(500))).toEqual({ kind: "failed" });
    for (const status of [0, 199, 301, 404, 429, 500]) expect(decide(2, answer(status)).kind).toBe("retry");
    expect(decide(0, answer(489)).kind).toBe("retry");
    expect(decide(0, answer(489, { "upstash-nonretryable-error": ["true"] }))).toEqual({ kind: "failed" });
    expect(decide(0, answer(500, { "upstash-nonretryable-error": ["true"] })).kind).toBe("retry");
  });

  test("waits by QStash's own table, or by the one for development", () => {
    const seconds = [1, 2, 3, 4, 5].map((count) => Math.round(toBackoffMs(count, QSTASH_BACKOFF) / 1000));
    expect(seconds).toEqual([12, 148, 1808, 22_026, 86_400]);
    const local = [1, 2, 3].map((count) => Math.round(toBackoffMs(count, LOCAL_BACKOFF)));
    expect(local).toEqual([100, 331, 1098]);
  });

  test("waits as the destination wishes first, then as the publisher does", () => {
    const waitFor = (seconds: string) => ({ "retry-after": [seconds] });
    expect(decide(1, answer(503, waitFor("7")), "1234")).toEqual({ kind: "retry", delayMs: 7000 });
    expect(decide(1, answer(503, { "x-ratelimit-reset": ["9"] }))).toEqual({ kind: "retry", delayMs: 9000 });
    expect(decide(1, answer(503, waitFor("90000")), "1234")).toEqual({ kind: "retry", delayMs: 1234 });
    expect(decide(1, answer(503, waitFor("never")), "1234")).toEqual({ kind: "retry", delayMs: 1234 });
    expect(decide(2, answer(503), "10 * retried")).toEqual({ kind: "retry", delayMs: 20 });
    expect(decide(0, answer(503), "0 - 5")).toEqual({ kind: "retry", delayMs: 0 });
    expect(decide(0, answer(503), "1 / 0")).toEqual({ kind: "retry", delayMs: 86_400_000 });
    expect(decide(0, answer(503), "sqrt(-1)")).toEqual({ kind: "retry", delayMs: 86_400_000 });
  });
});

describe("cron", () => {
  const next = (cron: string, after: string) =>
    new Date(parseCron(cron, false).next(Date.parse(after))).toISOString();

  test("is in UTC, or in the zone that it names, also where that changes its clocks", () => {
    expect(next("*/5 * * * *", "2026-03-01T00:01:00Z")).toBe("2026-03-01T00:05:00.000Z");
    expect(next("0 9 * * 1", "2026-03-01T00:00:00Z")).toBe("2026-03-02T09:00:00.000Z");
    expect(next("CRON_TZ=Europe/Berlin 0 8 * * *", "2026-03-28T12:00:00Z")).toBe("2026-03-29T06:00:00.000Z");
    expect(next("CRON_TZ=Europe/Berlin 0 8 * * *", "2026-03-27T12:00:00Z")).toBe("2026-03-28T07:00:00.000Z");
  });

  test.each([
    "",
    "* * * *",
    "* * * * * *",
    "61 * * * *",
    "0 0 30 2 *",
    "CRON_TZ=Mars/Base * * * * *",
    "@daily; ls",
  ])("'%s' is refused", (cron) => {
    expect(() => parseCron(cron, false)).toThrow(/Upstash-Cron/);
  });
});

describe("flow control", () => {
  const state = {
    key: "k",
    parallelism: 2,
    rate: 3,
    periodSeconds: 10,
    isPaused: false,
    isParallelismPinned: false,
    isRatePinned: false,
    periodStartMs: 0,
    rateCount: 0,
  };

  test("opens again when the period is over", () => {
    let now = countStart(state, 50_000);
    now = countStart(countStart(now, 51_000), 52_000);
    expect(now).toMatchObject({ periodStartMs: 50_000, rateCount: 3 });
    expect(isOpen(now, 0, 59_999)).toBe(false);
    expect(reopensAtMs(now, 59_999)).toBe(60_000);
    expect(isOpen(now, 0, 60_000)).toBe(true);
    expect(reopensAtMs(now, 60_000)).toBeUndefined();
    expect(countStart(now, 60_000)).toMatchObject({ periodStartMs: 60_000, rateCount: 1 });
  });

  test("is closed while as many are under way as may be, and while it is paused", () => {
    expect(isOpen(state, 1, 50_000)).toBe(true);
    expect(isOpen(state, 2, 50_000)).toBe(false);
    expect(isOpen({ ...state, isPaused: true }, 0, 50_000)).toBe(false);
  });
});
