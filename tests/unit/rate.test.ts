import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Bucket } from "../../core/rate.ts";
import { takeTokens } from "../../core/rate.ts";

describe("a rate", () => {
  it("allows a second's worth at once, then says when the next is due", () => {
    let bucket: Bucket | undefined;
    for (let count = 0; count < 60; count += 1) {
      const decision = takeTokens(bucket, 60, 1, 0);
      expect(decision.isAllowed).toBe(true);
      bucket = decision.bucket;
    }
    expect(takeTokens(bucket, 60, 1, 0)).toMatchObject({ isAllowed: false, retryAfterMs: 17 });
    expect(takeTokens(bucket, 60, 1, 17).isAllowed).toBe(true);
  });

  it("lets a batch through that is larger than the bucket, and makes it pay afterwards", () => {
    const paid = takeTokens(undefined, 60, 100, 0);
    expect(paid.isAllowed).toBe(true);
    expect(takeTokens(paid.bucket, 60, 1, 500).isAllowed).toBe(false);
    expect(takeTokens(paid.bucket, 60, 1, 700).isAllowed).toBe(true);
  });

  it("never allows more than the rate and one bucket in any stretch of time", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 300 }), (gaps) => {
        let bucket: Bucket | undefined;
        let nowMs = 0;
        let allowed = 0;
        for (const gap of gaps) {
          nowMs += gap;
          const decision = takeTokens(bucket, 50, 1, nowMs);
          bucket = decision.bucket;
          if (decision.isAllowed) allowed += 1;
        }
        expect(allowed).toBeLessThanOrEqual(50 + (nowMs * 50) / 1000 + 1);
      }),
    );
  });

  it("is not undone by a clock that goes back", () => {
    const { bucket } = takeTokens(undefined, 10, 10, 1000);
    expect(takeTokens(bucket, 10, 1, 0).isAllowed).toBe(false);
  });
});
