import { describe, expect, it } from "vitest";
import { createId } from "../../core/ids.ts";

describe("an id", () => {
  it("is its kind, nine characters of time and twelve random ones", () => {
    for (const nowMs of [0, 1, 36 ** 8, Date.UTC(2026, 10, 21), 36 ** 9 - 1]) {
      const id = createId("evt", nowMs);
      expect(id).toMatch(/^evt_[0-9a-z]{21}$/);
      expect(Number.parseInt(id.slice(4, 13), 36)).toBe(nowMs);
    }
  });

  it("says its own time although the one before had another", () => {
    const times = [5, 5, 7, 5, 6].map((nowMs) => Number.parseInt(createId("req", nowMs).slice(4, 13), 36));
    expect(times).toEqual([5, 5, 7, 5, 6]);
  });

  it("is another each time, and has every digit in every place", () => {
    const ids = Array.from({ length: 5000 }, () => createId("evt", 1).slice(13));
    expect(new Set(ids).size).toBe(ids.length);
    for (let place = 0; place < 12; place += 1) {
      expect(new Set(ids.map((id) => id[place])).size).toBe(36);
    }
  });
});
