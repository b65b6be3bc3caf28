import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createId, encodeHalf } from "../../core/ids.ts";

describe("an id", () => {
  it("has its kind, its time, and 12 random characters", () => {
    const nowMs = Date.UTC(2026, 10, 21);
    const time = nowMs.toString(36).padStart(9, "0");
    expect(createId("evt", nowMs)).toMatch(new RegExp(`^evt_${time}[0-9a-z]{12}$`));
    // The time of the one before is not taken for its own.
    expect(createId("evt", nowMs + 1).slice(4, 13)).toBe((nowMs + 1).toString(36).padStart(9, "0"));
    expect(createId("evt", 0).slice(4, 13)).toBe("000000000");
  });

  it("is another one each time, over many stocks of random numbers", () => {
    const ids = Array.from({ length: 10_000 }, () => createId("req", 1));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("writes its random numbers in base 36", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (random) => {
        expect(encodeHalf(random)).toBe((random % 36 ** 6).toString(36).padStart(6, "0"));
      }),
      { examples: [[0], [36 ** 6 - 1], [36 ** 6], [2 ** 32 - 1]] },
    );
  });
});
