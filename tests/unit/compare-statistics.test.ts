import { describe, expect, it } from "vitest";
import {
  EventData,
  elapsedMs,
  encodeMark,
  MarkScanner,
  MIN_DATA_BYTES,
  nowUs,
} from "../../bench/compare/doors/mark.ts";
import { quantile, toLatencies } from "../../bench/compare/statistics.ts";

describe("the lab's statistics", () => {
  it("take what is between two values in proportion", () => {
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5);
    expect(quantile([10], 0.99)).toBe(10);
    expect(quantile([0, 100], 0.25)).toBe(25);
  });

  it("sum up times in any order", () => {
    const times = Array.from({ length: 101 }, (_, index) => 100 - index);
    expect(toLatencies(times)).toMatchObject({ count: 101, p50Ms: 50, p99Ms: 99, maxMs: 100 });
  });

  it("say no one in a thousand where there were fewer", () => {
    const times = Array.from({ length: 1000 }, (_, index) => index);
    expect(toLatencies(times)?.p999Ms).toBeCloseTo(998, 0);
    expect(toLatencies(times.slice(1))?.p999Ms).toBeUndefined();
    expect(toLatencies([])).toBeUndefined();
  });
});

/** What a scanner finds in bytes that come in parts. */
function found(...parts: readonly string[]): readonly number[] {
  const times: number[] = [];
  const scanner = new MarkScanner((time) => times.push(time));
  for (const part of parts) scanner.push(Buffer.from(part));
  return times;
}

describe("an event's mark", () => {
  it("carries its time to the microsecond", () => {
    for (const time of [0, 1, 63, 64, 123_456_789, 2 ** 30 - 1])
      expect(found(encodeMark(time))).toEqual([time]);
  });

  it("is found wherever the bytes are cut", () => {
    const text = `data: {"data":"${encodeMark(42)}xyz"}\n\n~e ~ ${encodeMark(43)}`;
    for (let cut = 0; cut <= text.length; cut += 1) {
      expect(found(text.slice(0, cut), text.slice(cut))).toEqual([42, 43]);
    }
    expect(found(...text)).toEqual([42, 43]);
  });

  it("is in data of exactly the size that was asked for", () => {
    for (const bytes of [MIN_DATA_BYTES, 128, 65_536]) {
      const text = new EventData(bytes).next();
      expect(Buffer.byteLength(text)).toBe(bytes);
      expect(found(text)).toHaveLength(1);
      expect(JSON.parse(text)).toBeTypeOf("string");
    }
    expect(() => new EventData(MIN_DATA_BYTES - 1)).toThrow("at least");
  });

  it("counts time across the clock's end", () => {
    expect(elapsedMs(2 ** 30 - 500, 500)).toBe(1);
    expect(elapsedMs(nowUs(), nowUs())).toBeLessThan(1000);
  });
});
