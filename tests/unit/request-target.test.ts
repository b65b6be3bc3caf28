import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { channelFromPath } from "../../functions/boundary/channel-path.ts";
import { parametersOf, pathOf, queryOf } from "../../functions/boundary/request-target.ts";

describe("a request's target", () => {
  it.each([
    ["http://x/a/../b?c=/d", "/a/../b"],
    ["http://x/a#?", "/a"],
    ["http://x", "/"],
    ["http://x/", "/"],
    ["https://user@x:1/a%2fb", "/a%2fb"],
  ])("the path of %s is %s, as it was sent", (url, path) => {
    expect(pathOf(url)).toBe(path);
  });

  it("has parameters, or none", () => {
    expect([...queryOf("http://x/a?b=1&b=%2F#c=2")]).toEqual([
      ["b", "1"],
      ["b", "/"],
    ]);
    expect([...queryOf("http://x/a")]).toEqual([]);
  });

  it("has the parameters by name that URLSearchParams would find", () => {
    const part = fc.constantFrom(
      "a",
      "b",
      "ab",
      "=",
      "==",
      "&",
      "&&",
      "?",
      "%20",
      "+",
      "%",
      "#",
      "é",
      "-",
      "",
    );
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.constantFrom("a", "b", "ab", "é", ""), (query, name) => {
        const url = `http://x/a?${query}`;
        expect(parametersOf(url).get(name)).toBe(queryOf(url).get(name));
      }),
      { numRuns: 2000 },
    );
    expect(parametersOf("http://x/a").get("a")).toBeNull();
    expect(parametersOf("http://x/a?after=earliest&timeout=0").get("timeout")).toBe("0");
  });

  it("names a channel below its prefix", () => {
    expect(channelFromPath("/sse/rooms/%40me", "/sse/")).toBe("rooms/@me");
    expect(() => channelFromPath("/%73se/rooms", "/sse/")).toThrow(
      expect.objectContaining({ code: "not_found" }),
    );
    expect(() => channelFromPath("/sse/a%2Fb", "/sse/")).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  });
});
