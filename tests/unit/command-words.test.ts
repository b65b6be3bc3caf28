import { describe, expect, it } from "vitest";
import { parseNumber, parseWords } from "../../clients/command/arguments.ts";
import { COMMANDS } from "../../clients/command/commands.ts";
import { isGlob, matchesGlob, prefixOf } from "../../clients/command/glob.ts";
import { printable } from "../../clients/command/output.ts";
import { percentile } from "../../clients/command/race/statistics.ts";
import { suggest } from "../../clients/command/suggest.ts";
import { toTarget } from "../../clients/command/target.ts";
import { UsageError } from "../../clients/command/usage-error.ts";
import { parseChannelGlob, matchesGlob as serverMatchesGlob } from "../../core/channel-name.ts";

function parse(...[name, ...words]: readonly string[]) {
  const spec = COMMANDS.find((command) => command.name === name) ?? expect.fail(`There is no '${name}'.`);
  return parseWords(spec, words);
}

const parseLine = (line: string) => parse(...line.split(" "));

describe("the words of a command", () => {
  it("are options in any order, short or long, with = or without", () => {
    const words = parseLine("sub --via=sse -n 3 demo/x --json");
    expect(words.positionals).toEqual(["demo/x"]);
    const limit = parseNumber(words, "limit", { min: 1, max: 9 });
    expect([words.get("via"), limit, words.has("json")]).toEqual(["sse", 3, true]);
  });

  it("give a list where an option may come several times, or has commas", () => {
    expect(parseLine("race --via sse,tcp --via udp").list("via")).toEqual(["sse", "tcp", "udp"]);
  });

  it("take what is behind -- as it is", () => {
    expect(parseLine("pub demo/x -- --not-an-option").positionals).toEqual(["demo/x", "--not-an-option"]);
  });

  it.each([
    ["sub demo/x --vai sse", "Did you mean '--via'?"],
    ["sub demo/x --via graphq-ws", "Did you mean 'graphql-ws'?"],
    ["race --via sse,tpc", "Did you mean 'tcp'?"],
    ["sub demo/x --via", "--via needs a value"],
    ["sub demo/x --json=yes", "--json takes no value"],
    ["sub", "needs a <channel>"],
    ["pub demo/x two words", "Quote what has spaces"],
    ["completion tcsh", "bash, zsh, fish"],
    ["choose --use cooking", "crud, chat"],
  ])("`%s` is refused, and it says how", (line, said) => {
    expect(() => parseLine(line)).toThrow(UsageError);
    expect(() => parseLine(line)).toThrow(said);
  });

  it.each(["many", "0", "1.5", "11", " "])("--limit %j is no number from 1 to 10", (text) => {
    const words = parse("sub", "demo/x", "--limit", text);
    expect(() => parseNumber(words, "limit", { min: 1, max: 10 })).toThrow(UsageError);
  });
});

describe("what was meant", () => {
  it.each([
    ["sbu", "sub"],
    ["docter", "doctor"],
    ["comp", "completion"],
    ["xyz", undefined],
  ])("by %s is %s", (word, meant) => {
    expect(suggest(word, ["serve", "sub", "pub", "doctor", "completion"])).toBe(meant);
  });
});

describe("the server", () => {
  it("is found by the option, the environment, PORT, or where npm start puts it", () => {
    const none = parseLine("sub demo/x");
    const given = parseLine("sub demo/x --url http://a:1/");
    expect(toTarget(given, { EVERYWIRE_URL: "http://b:2" }).url).toBe("http://a:1");
    expect(toTarget(none, { EVERYWIRE_URL: "http://b:2", PORT: "3" }).url).toBe("http://b:2");
    expect(toTarget(none, { PORT: "3" }).url).toBe("http://127.0.0.1:3");
    expect(toTarget(none, {}).url).toBe("http://127.0.0.1:8787");
    expect(() => toTarget(none, { EVERYWIRE_URL: "localhost:8787" })).toThrow(UsageError);
    expect(() => toTarget(none, { TCP_PORT: "many" })).toThrow("TCP_PORT");
  });
});

describe("globs of channels", () => {
  it.each([
    ["demo/**", ["demo", "demo/a", "demo/a/b", "demos"]],
    ["orders/*", ["orders", "orders/1", "orders/1/2"]],
    ["a/**/z", ["a/z", "a/b/z", "a/b/c/z", "a/b"]],
    ["**", ["a", "a/b"]],
  ])("mean in %s what they mean to the server", (glob, names) => {
    expect(isGlob(glob)).toBe(true);
    for (const name of names) {
      const isMatch = matchesGlob(name, glob);
      expect([name, isMatch]).toEqual([name, serverMatchesGlob(name, parseChannelGlob(glob))]);
      if (isMatch) expect(name.startsWith(prefixOf(glob))).toBe(true);
    }
  });
});

describe("what is shown", () => {
  it("has percentiles by nearest rank", () => {
    const values = [5, 1, 4, 2, 3];
    expect([percentile(values, 50), percentile(values, 99), percentile(values, 1)]).toEqual([3, 5, 1]);
    expect(percentile([], 50)).toBeUndefined();
  });

  it("has no characters that a terminal would obey", () => {
    expect(printable("a\u001b[2Jb\u0007\u009b")).toBe("a\\u001b[2Jb\\u0007\\u009b");
  });
});
