import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEpoch, formatCursor, parseAfter, parseCursor } from "../../core/cursor.ts";

const epochs = fc
  .tuple(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.double({ min: 0, max: 0.999999, noNaN: true }))
  .map(([ms, random]) => createEpoch(ms, random));
const numbers = fc.integer({ min: 0, max: 36 ** 10 - 1 });

describe("the cursor", () => {
  it("is at most 64 of [0-9A-Za-z_-] (CONTRACT §1)", () => {
    fc.assert(
      fc.property(epochs, numbers, (epoch, number) => {
        expect(formatCursor(epoch, number)).toMatch(/^[0-9A-Za-z_-]{1,64}$/);
      }),
    );
  });

  it("comes back as it went", () => {
    fc.assert(
      fc.property(epochs, numbers, (epoch, number) => {
        expect(parseCursor(formatCursor(epoch, number))).toEqual({ epoch, number });
      }),
    );
  });

  it("sorts as a string in the order of the log", () => {
    fc.assert(
      fc.property(epochs, numbers, numbers, (epoch, a, b) => {
        expect(formatCursor(epoch, a) < formatCursor(epoch, b)).toBe(a < b);
      }),
    );
  });

  it("sorts every cursor of an earlier life before every one of a later", () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 4_102_444_800_000 }), {
      minLength: 2,
      maxLength: 2,
    });
    fc.assert(
      fc.property(times, numbers, numbers, ([a = 0, b = 0], first, second) => {
        const [earlier, later] = a < b ? [a, b] : [b, a];
        expect(
          formatCursor(createEpoch(earlier, 0.9), first) < formatCursor(createEpoch(later, 0), second),
        ).toBe(true);
      }),
    );
  });

  it.each(["", undefined, null])("takes %j for latest", (value) => {
    expect(parseAfter(value)).toBe("latest");
  });

  it.each([
    "0",
    "-1",
    "EARLIEST",
    "0mwptregv7zq",
    "0mwptregv7zq-000000000",
    "0mwptregv7zq-00000000011",
    "0mwptregv7zq 0000000001",
    "0MWPTREGV7ZQ-0000000001",
    "' OR 1=1 --",
    42,
    {},
    ["earliest"],
  ])("refuses %j as invalid_argument", (value) => {
    expect(() => parseAfter(value)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });
});
