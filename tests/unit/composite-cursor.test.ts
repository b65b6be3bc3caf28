import { describe, expect, it } from "vitest";
import type { After } from "../../core/cursor.ts";
import { EARLIEST, LATEST } from "../../core/cursor.ts";
import { Positions } from "../../functions/sse/positions.ts";
import { decodeCompositeCursor, encodeCompositeCursor } from "../../wire/composite-cursor.ts";

describe("a composite cursor", () => {
  it.each([[["a"]], [["a", "b"]], [["a-1", "earliest", "c_2"]]])("of %j comes back", (parts) => {
    expect(decodeCompositeCursor(encodeCompositeCursor(parts), parts.length)).toEqual(parts);
  });

  it.each([
    ["a", 2],
    ["a.b.c", 2],
    ["a.", 2],
    [".", 2],
    ["", 1],
    [".".repeat(1000), 2],
  ])("%s is none of %i parts", (text, count) => {
    expect(decodeCompositeCursor(text, count)).toBeUndefined();
  });
});

describe("the positions of a reader", () => {
  it("are known at once where the reader says where it starts", () => {
    const positions = new Positions(["c-1" as After, EARLIEST]);
    expect(positions.areKnown).toBe(true);
    expect(positions.toCursor()).toBe("c-1.earliest");
    positions.advance(1, "e-1");
    expect(positions.toCursor()).toBe("c-1.e-1");
  });

  it("are not known while a channel that is read from its end has not said where that is", () => {
    const positions = new Positions([LATEST, LATEST]);
    positions.advance(1, "b-1");
    expect(positions.areKnown).toBe(false);
    expect([positions.isKnown(0), positions.isKnown(1)]).toEqual([false, true]);
    positions.advance(0, "a-1");
    expect(positions.areKnown).toBe(true);
    expect(positions.toCursor()).toBe("a-1.b-1");
  });
});
