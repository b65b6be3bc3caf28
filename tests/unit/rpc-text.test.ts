import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeAppends,
  decodeOutcomes,
  decodeReceipts,
  encodeAppends,
  encodeOutcomes,
  encodeReceipts,
} from "../../wire/rpc-text.ts";

const attribute = fc
  .string({ unit: "binary", minLength: 1 })
  .map((text) => text.replaceAll("\u0001", "-").replaceAll("\u0002", "-"));
const event = fc.record({
  type: attribute,
  json: fc.jsonValue().map((value) => JSON.stringify(value)),
  dedupeKey: fc.option(attribute, { nil: undefined }),
});
const producer = fc.record({ id: fc.string({ unit: "binary" }), epoch: fc.nat(), sequence: fc.nat() });
const append = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 5 }),
  rateKey: fc.option(fc.string({ unit: "binary" }), { nil: undefined }),
  producer: fc.option(producer, { nil: undefined }),
});

describe("appends as text", () => {
  it("come back as they were, whatever is in them", () => {
    fc.assert(
      fc.property(fc.array(append, { minLength: 1, maxLength: 5 }), (appends) => {
        // A surrogate by itself has no place in JSON either.
        expect(decodeAppends(encodeAppends(appends))).toEqual(appends);
      }),
    );
  });

  it("refuse an attribute that could pass for the end of one", () => {
    for (const end of ["\u0001", "\u0002"]) {
      const good = { type: "t", json: "{}", dedupeKey: "key" };
      for (const bad of [
        { ...good, type: `t${end}` },
        { ...good, dedupeKey: `a${end}b` },
      ]) {
        expect(() => encodeAppends([{ events: [bad], rateKey: undefined }])).toThrow(/control character/);
      }
    }
  });
});

describe("what becomes of appends, as text", () => {
  it("comes back as it was: receipts, and refusals with any message", () => {
    const receipts = [
      { sequence: "a1", duplicate: false },
      { sequence: "a0", duplicate: true },
    ];
    const refusal = { ok: false, error: { code: "rate_limited", message: "!\u0001\u0002\n" } };
    const outcomes = decodeOutcomes<typeof refusal>(
      encodeOutcomes([encodeReceipts(receipts), refusal, "+b"]),
    );
    expect(outcomes).toEqual(["+a1 =a0", refusal, "+b"]);
    expect(decodeReceipts("+a1 =a0")).toEqual(receipts);
  });
});
