import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { globPrefix, matchesGlob, parseChannelGlob, parseChannelName } from "../../core/channel-name.ts";

const segment = fc
  .stringMatching(/^[A-Za-z0-9._~:@-]{1,64}$/)
  .filter((text) => text !== "." && text !== "..");
const names = fc.array(segment, { minLength: 1, maxLength: 8 }).map((segments) => segments.join("/"));

describe("a channel name", () => {
  it("is 1-8 segments of the alphabet", () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(parseChannelName(name)).toBe(name);
      }),
    );
  });

  it.each([
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    "a/./b",
    "a/../b",
    "..",
    "a b",
    "a%2fb",
    "ä",
    "a\nb",
    "a/b/c/d/e/f/g/h/i",
    "x".repeat(65),
    "a*",
    42,
    null,
    undefined,
    {},
  ])("is not %j", (value) => {
    expect(() => parseChannelName(value)).toThrowError(expect.objectContaining({ code: "invalid_argument" }));
  });
});

describe("a glob", () => {
  it.each([
    ["demo/**", "demo", true],
    ["demo/**", "demo/a", true],
    ["demo/**", "demo/a/b", true],
    ["demo/**", "demos/a", false],
    ["rooms/*", "rooms/a", true],
    ["rooms/*", "rooms", false],
    ["rooms/*", "rooms/a/b", false],
    ["users/*/inbox", "users/7/inbox", true],
    ["**/inbox", "users/7/inbox", true],
    ["**/inbox", "inbox", true],
    ["a/**/z", "a/z", true],
    ["a/**/z", "a/b/c/z", true],
    ["a/**/z", "a/b/c", false],
    ["**", "anything/at/all", true],
    ["news", "news", true],
    ["news", "new", false],
  ])("%s on %s is %s", (glob, name, expected) => {
    expect(matchesGlob(name, parseChannelGlob(glob))).toBe(expected);
  });

  it("matches every name as itself, and below its first segment", () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(matchesGlob(name, parseChannelGlob(name))).toBe(true);
        expect(matchesGlob(name, parseChannelGlob(`${name.split("/")[0]}/**`))).toBe(true);
      }),
    );
  });

  it("starts every match with its literal prefix", () => {
    expect(globPrefix(parseChannelGlob("rooms/*/x"))).toBe("rooms/");
    expect(globPrefix(parseChannelGlob("news"))).toBe("news");
  });

  it("takes many stars without taking long", () => {
    const glob = parseChannelGlob(Array.from({ length: 8 }, () => "**").join("/"));
    expect(matchesGlob("a/a/a/a/a/a/a/b", glob)).toBe(true);
  });
});
