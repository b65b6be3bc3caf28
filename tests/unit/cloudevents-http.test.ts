import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bodyFormOf } from "../../core/media-type.ts";
import { decodeHeaderValue, encodeHeaderValue } from "../../wire/cloudevents-http.ts";

describe("a CloudEvents attribute as a header", () => {
  it.each([
    ["Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"],
    ['say "hi"', "say%20%22hi%22"],
    ["100%", "100%25"],
    ["/users/a~b!", "/users/a~b!"],
  ])("%s is %s, and back", (value, header) => {
    expect(encodeHeaderValue(value)).toBe(header);
    expect(decodeHeaderValue(header)).toBe(value);
  });

  it.each([
    ['"quoted \\"text\\""', 'quoted "text"'],
    ['"a%20b"', "a b"],
    ["%41", "A"],
    ["100% sure", "100% sure"],
    ["%2520", "%20"],
    ['half"quoted', 'half"quoted'],
    ["", ""],
  ])("%s is read as %s", (header, value) => {
    expect(decodeHeaderValue(header)).toBe(value);
  });

  it.each(["%C0%A0", "%FF", "%E2%82", "caf\u00e9"])("%s cannot be read", (header) => {
    expect(decodeHeaderValue(header)).toBeUndefined();
  });

  it("carries any text there and back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (value) => {
        const header = encodeHeaderValue(value);
        expect(header).toMatch(/^[\u0021-\u007e]*$/);
        expect(decodeHeaderValue(header)).toBe(value.toWellFormed());
      }),
    );
  });
});

describe("the form of a body", () => {
  it.each([
    ["application/json", "json"],
    ["application/vnd.x+json", "json"],
    ["text/json", "json"],
    ["text/plain", "text"],
    ["application/xml", "text"],
    ["image/svg+xml", "bytes"],
    ["application/atom+xml", "text"],
    ["image/png", "bytes"],
    ["", "bytes"],
  ])("of %s is %s", (type, form) => {
    expect(bodyFormOf(type)).toBe(form);
  });
});
