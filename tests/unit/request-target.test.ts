import { describe, expect, it } from "vitest";
import { channelFromPath } from "../../functions/boundary/channel-path.ts";
import { pathOf, queryOf } from "../../functions/boundary/request-target.ts";

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
