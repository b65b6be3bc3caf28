import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import type { LogState } from "../../durable-objects/channel-state.ts";
import {
  cursorAt,
  decideProducer,
  firstByCount,
  isSweepDue,
  nextAlarmMs,
  resolveStart,
  UNBORN,
} from "../../durable-objects/channel-state.ts";

const EPOCH = "0mwptregv7zq";
const log = (over: Partial<LogState> = {}): LogState => ({
  epoch: EPOCH,
  endedLives: 0,
  head: 10,
  first: 1,
  ...over,
});
const at = (state: LogState, number: number) => cursorAt(state, number) as After;

describe("where a reader starts", () => {
  it("goes on after the cursor's event", () => {
    expect(resolveStart(log(), at(log(), 4))).toEqual({ number: 4, gap: undefined });
  });

  it("takes earliest and latest without a gap, however much is gone", () => {
    const state = log({ first: 7 });
    expect(resolveStart(state, EARLIEST)).toEqual({ number: 6, gap: undefined });
    expect(resolveStart(state, LATEST)).toEqual({ number: 10, gap: undefined });
  });

  it("has no gap at the cursor just before the oldest event", () => {
    expect(resolveStart(log({ first: 7 }), at(log(), 6)).gap).toBeUndefined();
  });

  it("tells of a gap where the cursor is older than what is kept", () => {
    const state = log({ first: 7 });
    expect(resolveStart(state, at(state, 5))).toEqual({
      number: 6,
      gap: { requested: at(state, 5), resumedAt: at(state, 6) },
    });
  });

  it("tells of a gap where the cursor is of an earlier life, and starts at the new life's beginning", () => {
    const old = at(log({ epoch: "0mwptaaaaaaa" }), 9);
    const state = log({ endedLives: 1 });
    expect(resolveStart(state, old)).toEqual({ number: 0, gap: { requested: old, resumedAt: at(state, 0) } });
  });

  it("tells of a gap where the cursor is ahead of the log, as after a restore from a copy", () => {
    expect(resolveStart(log(), at(log(), 11))).toMatchObject({
      number: 10,
      gap: { resumedAt: at(log(), 10) },
    });
  });

  it("misses nothing from a cursor that was given before the first event", () => {
    const before = at(UNBORN, 0);
    expect(resolveStart(UNBORN, before)).toEqual({ number: 0, gap: undefined });
    expect(resolveStart(log(), before)).toEqual({ number: 0, gap: undefined });
    expect(resolveStart(log({ first: 3 }), before).gap).toBeDefined();
  });

  it("tells of a life that came and went since a cursor of an empty channel", () => {
    const before = at(UNBORN, 0);
    const emptied: LogState = { ...UNBORN, endedLives: 1 };
    expect(resolveStart(emptied, before).gap).toBeDefined();
    expect(resolveStart(log({ endedLives: 1 }), before).gap).toBeDefined();
    expect(resolveStart(log({ endedLives: 1 }), at(emptied, 0)).gap).toBeUndefined();
  });

  it("refuses what is no cursor", () => {
    expect(() => resolveStart(log(), "nonsense" as After)).toThrowError(/'after'/);
  });

  it("always starts within the log, and tells of a gap exactly where events are missing", () => {
    const states = fc
      .record({ head: fc.nat(500), kept: fc.integer({ min: 1, max: 100 }) })
      .map(({ head, kept }) => log({ head, first: firstByCount(head, kept) }));
    fc.assert(
      fc.property(states, fc.nat(600), (state, number) => {
        const start = resolveStart(state, at(state, number));
        expect(start.number).toBeGreaterThanOrEqual(state.first - 1);
        expect(start.number).toBeLessThanOrEqual(state.head);
        const isWhole = number >= state.first - 1 && number <= state.head;
        expect(start.gap === undefined).toBe(isWhole);
        if (isWhole) expect(start.number).toBe(number);
        else expect(start.gap?.resumedAt).toBe(cursorAt(state, start.number));
      }),
    );
  });
});

describe("a numbering producer", () => {
  const record = { epoch: 2, sequence: 5, cursor: "c" };
  it("starts at 0", () => {
    expect(decideProducer(undefined, { id: "p", epoch: 0, sequence: 0 })).toEqual({ kind: "accept" });
    expect(() => decideProducer(undefined, { id: "p", epoch: 0, sequence: 3 })).toThrowError(
      /next sequence is 0/,
    );
  });
  it("goes on by one", () => {
    expect(decideProducer(record, { id: "p", epoch: 2, sequence: 6 })).toEqual({ kind: "accept" });
  });
  it.each([0, 4, 5])("is answered as a duplicate for %i, which was accepted before", (sequence) => {
    expect(decideProducer(record, { id: "p", epoch: 2, sequence })).toEqual({
      kind: "duplicate",
      cursor: "c",
    });
  });
  it("is told what is missing", () => {
    expect(() => decideProducer(record, { id: "p", epoch: 2, sequence: 8 })).toThrowError(
      /next sequence is 6/,
    );
  });
  it("is fenced off by a later epoch", () => {
    expect(() => decideProducer(record, { id: "p", epoch: 1, sequence: 6 })).toThrowError(/taken over/);
  });
  it("starts a new epoch at 0 and nowhere else", () => {
    expect(decideProducer(record, { id: "p", epoch: 3, sequence: 0 })).toEqual({ kind: "accept" });
    expect(() => decideProducer(record, { id: "p", epoch: 3, sequence: 1 })).toThrowError(
      /starts at sequence 0/,
    );
  });
});

describe("retention and the alarm", () => {
  const kept = { maxAgeMs: 1_000_000, dedupeMs: 60_000 };
  const nothing = {
    isRegistered: true,
    registerAttempts: 0,
    oldestMs: undefined,
    oldestDedupeMs: undefined,
    streamEndsAtMs: undefined,
    hasReleases: false,
    subscribersDueMs: undefined,
    relaysDueMs: undefined,
  };
  it("deletes in runs, not one by one", () => {
    expect(isSweepDue(log({ first: 64 }), 1, 100)).toBe(false);
    expect(isSweepDue(log({ first: 65 }), 1, 100)).toBe(true);
    expect(isSweepDue(log({ first: 900 }), 1, 100_000)).toBe(false);
  });
  it("rests where there is nothing to do", () => {
    const idle = { ...nothing, isRegistered: true };
    expect(nextAlarmMs(idle, kept, 5000)).toBeUndefined();
  });
  it("wakes for the first of what is due, and never in the past", () => {
    const due = { ...nothing, oldestMs: 5000, oldestDedupeMs: 4000 };
    expect(nextAlarmMs(due, kept, 10_000)).toBe(64_000);
    expect(nextAlarmMs({ ...due, oldestDedupeMs: 1 }, { ...kept, dedupeMs: 1 }, 10_000)).toBe(10_500);
  });
  it("wakes for a stream whose time is over, and for a source that has still to be told", () => {
    expect(nextAlarmMs({ ...nothing, oldestMs: 5000, streamEndsAtMs: 7000 }, kept, 1000)).toBe(7000);
    expect(nextAlarmMs({ ...nothing, hasReleases: true, registerAttempts: 2 }, kept, 0)).toBe(2000);
  });
  it("wakes to tell durable subscribers what they do not know", () => {
    expect(nextAlarmMs({ ...nothing, subscribersDueMs: 3000 }, kept, 0)).toBe(3000);
    expect(nextAlarmMs({ ...nothing, relaysDueMs: 3000 }, kept, 0)).toBe(3000);
  });
  it("tries to register again, later each time", () => {
    const due = (registerAttempts: number) => ({
      ...nothing,
      isRegistered: false,
      registerAttempts,
    });
    expect(nextAlarmMs(due(0), kept, 0)).toBe(500);
    expect(nextAlarmMs(due(3), kept, 0)).toBe(4000);
    expect(nextAlarmMs(due(50), kept, 0)).toBe(60_000);
  });
});
